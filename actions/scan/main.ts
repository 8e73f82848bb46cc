// GitHub action that reads submissions from the chain and drafts the plan of a round.
import { join } from 'node:path';
import { openEndpoints } from '../../src/chain/io/networks.ts';
import { readArena } from '../../src/compose/repository.ts';
import { renderJson } from '../../src/core/canonical.ts';
import { uploadArtifact } from '../../src/github/io/artifact-service.ts';
import { startAction } from '../../src/github/io/run-action.ts';
import { table } from '../../src/github/summary.ts';
import { scan } from '../../src/pipeline/scan.ts';
import { openLedger } from '../../src/ledger/open.ts';
import { openCorpus } from '../../src/prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../../src/prompts/io/tokenizer-file.ts';
import { gitStore, codeCommit } from '../../src/ledger/io/git-store.ts';
import { ARTIFACTS } from '../../src/schema/artifacts.ts';
import { inputs } from './inputs.ts';

void startAction('scan', inputs, async ({ input, log, output, summary }) => {
  const root = process.cwd();
  const arena = readArena(join(root, input.arena));
  const chain = await openEndpoints(input.endpoint, arena, log);
  const store = gitStore({ folder: root, remote: null });
  const ledger = openLedger(input.validator, await store.read(input.validator));
  const operator = {
    validator: input.validator,
    commit: await codeCommit(root),
    node: process.version,
    host: { runner: process.env['RUNNER_OS'] ?? process.platform },
    tier: input.tier,
  };
  const ports = {
    chain,
    tokenizer: loadTokenizer(arena.tokenizer, root),
    corpus: openCorpus(arena.corpus, input.corpus, log),
    log,
  };
  const draft = await scan(ports, arena, operator, ledger);
  await uploadArtifact(ARTIFACTS.plan, renderJson(draft));
  output('block', String(draft.predicate.block.number));
  output('empty', String(draft.predicate.shards.length === 0));
  const rows = draft.predicate.submissions.map(({ key, image, status, verdict, reason }) => [
    key,
    image ?? '',
    status,
    verdict ?? '',
    reason,
  ]);
  summary(
    `### Scan at block ${draft.predicate.block.number}\n\n${table(['submission', 'image', 'status', 'verdict', 'reason'], rows)}\n`,
  );
});
