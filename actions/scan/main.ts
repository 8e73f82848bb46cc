// GitHub action that reads submissions from the chain and drafts the plan of a round.
import { dirname, join } from 'node:path';
import { openEndpoints } from '../../src/chain/io/networks.ts';
import { operatorHere } from '../../src/compose/operator.ts';
import { costLines, costOf, hourlyPrice, PRICE_VARIABLE } from '../../src/compose/plan-cost.ts';
import { readArenaFile } from '../../src/compose/repository.ts';
import { scanPorts } from '../../src/compose/scanning.ts';
import { renderJson } from '../../src/core/canonical.ts';
import { uploadArtifact } from '../../src/github/io/artifact-service.ts';
import { jobAuth, runnerHost, startAction } from '../../src/github/io/run-action.ts';
import { planSummary } from '../../src/github/summary.ts';
import { gitStore } from '../../src/ledger/io/git-store.ts';
import { openStored } from '../../src/ledger/open.ts';
import { scan } from '../../src/pipeline/scan.ts';
import { ARTIFACTS } from '../../src/schema/artifacts.ts';
import { inputs } from './inputs.ts';

void startAction('scan', inputs, async ({ input, log, output, summary }) => {
  const root = process.cwd();
  const { validator, corpus, tier } = input;
  const path = join(root, input.arena);
  const { arena, sha256: arenaSha256 } = readArenaFile(path);
  const chain = await openEndpoints(input.endpoint, arena, log);
  const { branch, token } = input;
  const store = gitStore({ folder: root, remote: 'origin', branch, env: jobAuth(token) });
  const ledger = await openStored(store, validator);
  const operator = await operatorHere(root, { validator, tier, host: runnerHost() });
  const sources = { arena, arenaSha256, root, corpus, folder: dirname(path) };
  const draft = await scan(scanPorts(chain, sources, log), arena, operator, ledger);
  await uploadArtifact(ARTIFACTS.plan, renderJson(draft));
  output('block', String(draft.predicate.block.number));
  output('empty', String(draft.predicate.shards === 0));
  summary(planSummary(draft.predicate));
  const cost = costOf(draft, arena, hourlyPrice(process.env[PRICE_VARIABLE]));
  summary(`${[...costLines(cost)].join('\n')}\n`);
});
