// GitHub action that derives everything in the ledgers again and fails where a fault is found.
import { join, resolve } from 'node:path';
import { ANY_CHAIN, openEndpoints } from '../../src/chain/io/networks.ts';
import { table } from '../../src/github/summary.ts';
import { startAction } from '../../src/github/io/run-action.ts';
import { unpackText, unpackTrace } from '../../src/ledger/io/evidence-files.ts';
import { audit } from '../../src/pipeline/audit/audit.ts';
import { openCorpus } from '../../src/prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../../src/prompts/io/tokenizer-file.ts';
import { LedgerError } from '../../src/ledger/errors.ts';
import { readFolder, validatorFolders } from '../../src/ledger/io/git-store.ts';
import { inputs } from './inputs.ts';

void startAction('audit', inputs, async ({ input, log, output, summary }) => {
  const root = process.cwd();
  const results = resolve(root, input.results);
  const ledgers = new Map(
    validatorFolders(results).map((validator) => [validator, readFolder(join(results, validator))]),
  );
  const chain =
    input.endpoint === undefined ? null : await openEndpoints(input.endpoint, ANY_CHAIN, log);
  const report = await audit(ledgers, {
    chain,
    log,
    unpack: unpackTrace,
    unpackText,
    tokenizerOf: (source) => loadTokenizer(source, root),
    corpusOf: (source) =>
      source !== 'generated' && input.corpus === undefined
        ? null
        : openCorpus(source, input.corpus, log),
  });
  output('records', String(report.records));
  output('faults', String(report.faults.length));
  summary(
    `### Audit: ${report.ok ? 'passed' : 'failed'}\n\n${report.records} records, ${report.evaluations} evaluations judged again.\n\n${
      report.ok
        ? ''
        : table(
            ['class', 'path', 'what'],
            report.faults.map(({ code, path, message }) => [code, path, message]),
          )
    }\n`,
  );
  for (const { code, path, message } of report.faults) log.warn(`${code} ${path}: ${message}`);
  const first = report.faults[0];
  if (first)
    throw new LedgerError(
      'BROKEN_LEDGER',
      'infra',
      `${report.faults.length} faults; the first: ${first.code} ${first.path}: ${first.message}`,
      'the summary lists all of them',
    );
});
