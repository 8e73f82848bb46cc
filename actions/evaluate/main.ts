// GitHub action that measures a machine's share of a signed plan, without holding any key.
import { join } from 'node:path';
import { measureShard } from '../../src/compose/measuring-shard.ts';
import { readArena } from '../../src/compose/repository.ts';
import { readArtifact } from '../../src/github/artifact-content.ts';
import { downloadIfAny, uploadArtifact } from '../../src/github/io/artifact-service.ts';
import { EvidenceOutbox } from '../../src/github/io/evidence-outbox.ts';
import { jobAuth, runAttempt, startAction } from '../../src/github/io/run-action.ts';
import { ShardProgress } from '../../src/github/shard-progress.ts';
import { packEvidence } from '../../src/ledger/io/evidence-files.ts';
import { gitStore } from '../../src/ledger/io/git-store.ts';
import { monotonicClock } from '../../src/node/monotonic-clock.ts';
import { ARTIFACTS, drawSchema } from '../../src/schema/artifacts.ts';
import { inputs } from './inputs.ts';

void startAction('evaluate', inputs, async ({ input, log, output, progress }) => {
  const root = process.cwd();
  const { branch, token, validator, block, shard, corpus } = input;
  const drawn = await downloadIfAny(ARTIFACTS.draw);
  const outbox = new EvidenceOutbox(uploadArtifact, log, runAttempt());
  const shown = new ShardProgress(progress, monotonicClock.nowNs);
  try {
    await measureShard({
      ...{ root, validator, block, shard, corpus, log },
      arena: readArena(join(root, input.arena)),
      store: gitStore({ folder: root, remote: 'origin', branch, env: jobAuth(token) }),
      engineCommand: input['engine-command'],
      // Without a draw in this run the round on record is repeated.
      draw: drawn && readArtifact(ARTIFACTS.draw, drawn, drawSchema),
      keep: (path, content) => {
        outbox.keep(path, packEvidence(content));
        shown.kept(path);
      },
      handedOver: () => outbox.sent(),
    });
  } finally {
    // What was measured before a fault is evidence too.
    await outbox.close();
    shown.close();
  }
  output('traces', String(outbox.paths.size));
});
