// GitHub action that derives a round's verdicts from its signed plan and traces, without any key.
import { renderJson } from '../../src/core/canonical.ts';
import { firstDifference } from '../../src/core/difference.ts';
import { unpackFiles } from '../../src/github/artifact-content.ts';
import {
  artifactNames,
  downloadArtifact,
  uploadArtifact,
} from '../../src/github/io/artifact-service.ts';
import { startAction } from '../../src/github/io/run-action.ts';
import { roundSummary } from '../../src/github/summary.ts';
import { judgeRound } from '../../src/judge/round.ts';
import { tracesOf } from '../../src/ledger/io/evidence-files.ts';
import { gitStore } from '../../src/ledger/io/git-store.ts';
import { openStored } from '../../src/ledger/open.ts';
import { recordsOf } from '../../src/ledger/read.ts';
import { planOf } from '../../src/ledger/plans.ts';
import { loadTokenizer } from '../../src/prompts/io/tokenizer-file.ts';
import { parseArena } from '../../src/schema/arena.ts';
import { ARTIFACTS } from '../../src/schema/artifacts.ts';
import type { Trace } from '../../src/schema/trace.ts';
import { inputs } from './inputs.ts';

void startAction('judge', inputs, async ({ input, log, output, summary }) => {
  const root = process.cwd();
  const ledger = await openStored(gitStore({ folder: root, remote: null }), input.validator);
  const plan = planOf(ledger, input.block);
  const names = await artifactNames(ARTIFACTS.tracesPrefix);
  if (names.length === 0)
    await uploadArtifact(ARTIFACTS.verdicts, renderJson({ void: 'the evaluation left no trace' }));
  else {
    const traces = new Map<string, Trace>();
    for (const name of names)
      for (const [path, trace] of tracesOf(unpackFiles(name, await downloadArtifact(name))))
        traces.set(path, trace);
    const arena = parseArena(plan.predicate.arena, 'the plan');
    const body = judgeRound(plan, traces, loadTokenizer(arena.tokenizer, root));
    await uploadArtifact(ARTIFACTS.verdicts, renderJson({ body }));
    summary(roundSummary(input.block, body));
    const recorded = recordsOf(ledger, 'round').find(
      (round) => round.predicate.plan === plan.sha256,
    );
    if (recorded) {
      const verdicts = (entries: readonly { key: string; verdict: string }[]): string[] =>
        entries.map(({ key, verdict }) => `${key} ${verdict}`);
      summary(
        `Compared with the recorded round: ${firstDifference(verdicts(recorded.predicate.entries), verdicts(body.entries)) ?? 'the same verdicts'}\n`,
      );
    }
  }
  output('void', String(names.length === 0));
  log.info(
    names.length === 0 ? 'no traces: the round will be void' : `judged ${names.length} shards`,
  );
});
