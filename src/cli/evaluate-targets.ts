// One evaluation of given servers from the command line: `eval`, and `check` with a baseline.
import { join } from 'node:path';
import { measureTargets, type Targets } from '../compose/measuring-targets.ts';
import { ROOT } from '../compose/repository.ts';
import { renderJson } from '../core/canonical.ts';
import { evalPlan } from '../judge/evaluation.ts';
import { writeEvidence } from '../ledger/io/evidence-files.ts';
import type { EngineTarget } from '../measure/engine.ts';
import { writeWhole } from '../node/atomic-file.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import type { Arena } from '../schema/arena.ts';
import { imageRefText } from '../schema/image-ref.ts';
import type { Report } from '../schema/report.ts';
import type { Invocation } from './command.ts';
import { targetOf } from './engine-target.ts';
import { judgeFolder } from './eval-folder.ts';
import { optional, required } from './options.ts';

const nameOf = (target: EngineTarget): string =>
  target.kind === 'url' ? target.url : imageRefText(target);

/** Who takes part; the baseline itself forces tokens where no reference is named. */
export function targetsOf(invocation: Invocation, challengerText: string): Targets {
  const baseline = targetOf(required(invocation, 'baseline'), 'baseline');
  const challenger = targetOf(challengerText, 'challenger');
  const incumbent = optional(invocation, 'incumbent');
  const reference = optional(invocation, 'reference');
  return {
    baseline,
    challenger,
    incumbent: incumbent === undefined ? null : targetOf(incumbent, 'incumbent'),
    reference: reference === undefined ? baseline : targetOf(reference, 'reference'),
  };
}

/** What is evaluated, and where its folder is. */
export type EvaluationJob = {
  readonly arena: Arena;
  readonly seed: string;
  readonly out: string;
  readonly targets: Targets;
};

/** Measures and judges; leaves plan, traces and verdict in `out`. */
export async function evaluateTargets(
  invocation: Invocation,
  { arena, seed, out, targets }: EvaluationJob,
): Promise<{ report: Report; text: string }> {
  const { log } = invocation;
  const corpus = openCorpus(arena.corpus, optional(invocation, 'corpus'), log);
  const plan = evalPlan(arena, corpus, loadTokenizer(arena.tokenizer, ROOT), {
    seed,
    targets: {
      baseline: nameOf(targets.baseline),
      challenger: nameOf(targets.challenger),
      incumbent: targets.incumbent && nameOf(targets.incumbent),
      reference: nameOf(targets.reference),
    },
  });
  writeWhole(join(out, 'plan.json'), renderJson(plan));
  await measureTargets({
    root: ROOT,
    arena,
    plan,
    targets,
    keep: (path, content) => writeEvidence(out, path, content),
    log,
  });
  const judged = judgeFolder(out);
  writeWhole(join(out, 'verdict.json'), judged.text);
  return judged;
}
