// GitHub action that waits for the pulse after a plan's anchor and hands the seed to the next jobs.
import { join } from 'node:path';
import { openEndpoints } from '../../src/chain/io/networks.ts';
import { readArena } from '../../src/compose/repository.ts';
import { renderJson } from '../../src/core/canonical.ts';
import { uploadArtifact } from '../../src/github/io/artifact-service.ts';
import { jobAuth, startAction } from '../../src/github/io/run-action.ts';
import { gitStore } from '../../src/ledger/io/git-store.ts';
import { openStored } from '../../src/ledger/open.ts';
import { planOf } from '../../src/ledger/plans.ts';
import { monotonicClock } from '../../src/node/monotonic-clock.ts';
import { drawSeed } from '../../src/pipeline/draw/draw.ts';
import { ARTIFACTS } from '../../src/schema/artifacts.ts';
import { inputs } from './inputs.ts';

void startAction('draw', inputs, async ({ input, log, output, summary }) => {
  const root = process.cwd();
  const { branch, token, validator, block } = input;
  const arena = readArena(join(root, input.arena));
  const chain = await openEndpoints(input.endpoint, arena, log);
  const store = gitStore({ folder: root, remote: 'origin', branch, env: jobAuth(token) });
  const ledger = await openStored(store, validator);
  const plan = planOf(ledger, block);
  const draw = await drawSeed({ chain, clock: monotonicClock, log }, ledger, plan);
  await uploadArtifact(ARTIFACTS.draw, renderJson(draw));
  output('seed', draw.seed);
  summary(`### Seed of the plan at block ${block}\n\n\`${draw.seed}\`\n`);
});
