// GitHub action that measures a machine's share of a signed plan, without holding any key.
import { knownBefore } from '../../src/arena/known-images.ts';
import { type Engines, measuringPorts } from '../../src/compose/measuring-host.ts';
import { packFiles } from '../../src/github/artifact-content.ts';
import { uploadArtifact } from '../../src/github/io/artifact-service.ts';
import { startAction } from '../../src/github/io/run-action.ts';
import { packEvidence, unpackText } from '../../src/ledger/io/evidence-files.ts';
import { gitStore } from '../../src/ledger/io/git-store.ts';
import { openLedger } from '../../src/ledger/open.ts';
import { signedPlan } from '../../src/ledger/signed-plan.ts';
import { evaluate } from '../../src/pipeline/evaluate/evaluate.ts';
import { openCorpus } from '../../src/prompts/io/corpus-folder.ts';
import { parseArena } from '../../src/schema/arena.ts';
import { ARTIFACTS } from '../../src/schema/artifacts.ts';
import { inputs } from './inputs.ts';

void startAction('evaluate', inputs, async ({ input, log, output }) => {
  const root = process.cwd();
  // Only a plan that is signed in the branch may cost GPU time; this job holds no key and decides
  // nothing.
  const store = gitStore({ folder: root, remote: null });
  const plan = await signedPlan(store, input.validator, input.block);
  const arena = parseArena(plan.predicate.arena, 'the plan');
  const files = new Map<string, Uint8Array>();
  const command = input['engine-command'];
  const engines: Engines =
    command === undefined ? { kind: 'containers' } : { kind: 'processes', command };
  const ports = await measuringPorts(arena, root, engines, log, (path, content) =>
    files.set(path, packEvidence(content)),
  );
  const corpus = openCorpus(arena.corpus, input.corpus, log);
  const ledger = await store.read(input.validator);
  const known = knownBefore(plan, openLedger(input.validator, ledger), ledger, unpackText);
  try {
    await evaluate({ ...ports, corpus, known }, plan, input.shard);
  } finally {
    try {
      // What was measured before a fault is evidence too.
      if (files.size > 0) await uploadArtifact(ARTIFACTS.traces(input.shard), packFiles(files));
    } finally {
      await ports.close();
    }
  }
  output('traces', String(files.size));
});
