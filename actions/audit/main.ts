// GitHub action that derives everything in the ledgers again and fails where a fault is found.
import { counted } from '../../src/core/counted.ts';
import { ANY_CHAIN, openEndpoints } from '../../src/chain/io/networks.ts';
import { auditSummary } from '../../src/github/summary.ts';
import { jobAuth, startAction } from '../../src/github/io/run-action.ts';
import { readEvidence, unpackText } from '../../src/ledger/io/evidence-files.ts';
import { knownArenas } from '../../src/compose/repository.ts';
import { audit } from '../../src/pipeline/audit/audit.ts';
import { openCorpus } from '../../src/prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../../src/prompts/io/tokenizer-file.ts';
import { LedgerError } from '../../src/ledger/errors.ts';
import { gitStore } from '../../src/ledger/io/git-store.ts';
import type { LedgerFiles } from '../../src/ledger/read.ts';
import { inputs } from './inputs.ts';

void startAction('audit', inputs, async ({ input, log, output, summary }) => {
  const root = process.cwd();
  const { branch } = input;
  const store = gitStore({ folder: root, remote: 'origin', branch, env: jobAuth(input.token) });
  const ledgers = new Map<string, LedgerFiles>();
  for (const validator of await store.validators())
    ledgers.set(validator, await store.read(validator));
  const chain =
    input.endpoint === undefined ? null : await openEndpoints(input.endpoint, ANY_CHAIN, log);
  const report = await audit(ledgers, {
    chain,
    log,
    strays: await store.strays(),
    arenas: knownArenas(root),
    localArena: null,
    readEvidence,
    unpackText,
    tokenizerOf: (source) => loadTokenizer(source, root),
    corpusOf: (source) =>
      source !== 'generated' && input.corpus === undefined
        ? null
        : openCorpus(source, input.corpus, log),
  });
  output('records', String(report.records));
  output('faults', String(report.faults.length));
  summary(auditSummary(report));
  for (const { path, why } of report.unchecked) log.warn(`not checked: ${path}: ${why}`);
  for (const { code, path, message } of report.faults) log.warn(`${code} ${path}: ${message}`);
  const first = report.faults[0];
  if (first)
    throw new LedgerError(
      'BROKEN_LEDGER',
      'infra',
      `${counted(report.faults.length, 'fault')}; the first: ${first.code} ${first.path}: ${first.message}`,
      'the summary lists all of them',
    );
});
