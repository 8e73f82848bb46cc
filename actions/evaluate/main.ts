// GitHub action that measures a machine's share of a signed plan, without holding any key.
import { measureShard } from '../../src/compose/measuring-shard.ts';
import { packFiles } from '../../src/github/artifact-content.ts';
import { uploadArtifact } from '../../src/github/io/artifact-service.ts';
import { startAction } from '../../src/github/io/run-action.ts';
import { packEvidence } from '../../src/ledger/io/evidence-files.ts';
import { gitStore } from '../../src/ledger/io/git-store.ts';
import { ARTIFACTS } from '../../src/schema/artifacts.ts';
import { inputs } from './inputs.ts';

void startAction('evaluate', inputs, async ({ input, log, output }) => {
  const root = process.cwd();
  const files = new Map<string, Uint8Array>();
  try {
    await measureShard({
      root,
      store: gitStore({ folder: root, remote: null }),
      validator: input.validator,
      block: input.block,
      shard: input.shard,
      corpus: input.corpus,
      engineCommand: input['engine-command'],
      keep: (path, content) => files.set(path, packEvidence(content)),
      log,
    });
  } finally {
    // What was measured before a fault is evidence too.
    if (files.size > 0) await uploadArtifact(ARTIFACTS.traces(input.shard), packFiles(files));
  }
  output('traces', String(files.size));
});
