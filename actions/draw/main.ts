// GitHub action that draws the seed of a plan, or repeats the one on record, for the jobs that measure.
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
import { drawOf } from '../../src/pipeline/draw/verify-draw.ts';
import { shardMinutes, shardsOf } from '../../src/pipeline/plan-life.ts';
import { ARTIFACTS, type Draw } from '../../src/schema/artifacts.ts';
import { inputs } from './inputs.ts';

void startAction('draw', inputs, async ({ input, log, output, summary }) => {
  const root = process.cwd();
  const { branch, token, validator, block, endpoint } = input;
  const arena = readArena(join(root, input.arena));
  const store = gitStore({ folder: root, remote: 'origin', branch, env: jobAuth(token) });
  const ledger = await openStored(store, validator);
  const plan = planOf(ledger, block);
  const fromChain = async (text: string): Promise<Draw> => {
    const chain = await openEndpoints(text, arena, log);
    return drawSeed({ chain, clock: monotonicClock, log }, ledger, plan);
  };
  // A round on record is repeated by its own seed: no chain is asked.
  const draw = endpoint === undefined ? drawOf(ledger, plan, null) : await fromChain(endpoint);
  await uploadArtifact(ARTIFACTS.draw, renderJson(draw));
  output('seed', draw.seed);
  output('shards', JSON.stringify(shardsOf(plan)));
  output('minutes', String(shardMinutes(plan)));
  summary(`### Seed of the plan at block ${block}\n\n\`${draw.seed}\`\n`);
});
