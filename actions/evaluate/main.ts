import { parseArena } from '../../src/arena/schema.ts';
import { evaluatePorts } from '../../src/cli/compose.ts';
import { ARTIFACTS, packFiles } from '../../src/github/handover.ts';
import { uploadArtifact } from '../../src/github/io/artifacts.ts';
import { main } from '../../src/github/io/run-action.ts';
import { packTrace } from '../../src/harness/io/trace-files.ts';
import { evaluate } from '../../src/pipeline/evaluate.ts';
import { signedPlan } from '../../src/pipeline/sound-ledger.ts';
import { gitStore } from '../../src/results/io/git-store.ts';
import { inputs } from './inputs.ts';

void main('evaluate', inputs, async ({ input, log, output }) => {
  const root = process.cwd();
  // Only a plan that is signed in the branch may cost GPU time; this job holds no key and decides nothing.
  const plan = await signedPlan(gitStore({ folder: root, remote: null }), input.validator, input.block);
  const arena = parseArena(plan.predicate.arena, 'the plan');
  const files = new Map<string, Uint8Array>();
  const ports = evaluatePorts(arena, root, input.corpus, input['engine-command'], log, (path, lines) => {
    files.set(path, packTrace(lines));
  });
  try {
    await evaluate(ports, plan, input.shard);
  } finally {
    // What was measured before a fault is evidence too.
    if (files.size > 0) await uploadArtifact(ARTIFACTS.traces(input.shard), packFiles(files));
  }
  output('traces', String(files.size));
});
