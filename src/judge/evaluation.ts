// Plan and verdict of a single evaluation of a server outside of the competition's rounds.
import { isMinerFault } from '../schema/verdicts.ts';
import { because, whyOf } from '../schema/reasons.ts';
import { decide } from '../arena/takeover.ts';
import type { Log } from '../core/log.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { ArmVerdict } from './arm.ts';
import { armReport } from './arm-report.ts';
import type { BaselineReading } from './baseline.ts';
import { readBoot } from './boot.ts';
import type { Corpus } from '../prompts/corpus.ts';
import { suiteHash } from '../prompts/sampler.ts';
import { bootSuite, poolsOf } from '../prompts/suites.ts';
import type { Arena } from '../schema/arena.ts';
import { bodiesOf } from '../schema/boot-bodies.ts';
import { DocumentError } from '../schema/errors.ts';
import type { EvalPlan } from '../schema/evaluation-plan.ts';
import type { Report, Takeover } from '../schema/report.ts';
import type { Trace } from '../schema/trace.ts';

/** Traces of an evaluation, by role and run. */
export type EvalTraces = (name: string, run: number) => Trace | null;

/** The plan of one evaluation. */
export function evalPlan(
  arena: Arena,
  corpus: Corpus,
  tokenizer: Tokenizer,
  { seed, targets }: Pick<EvalPlan, 'seed' | 'targets'>,
): EvalPlan {
  const prompts = bootSuite(arena, { corpus, tokenizer }, seed, { shard: 0, boot: 1 });
  return {
    schema: 1,
    kind: 'evaluation',
    arena,
    seed,
    tokenizerSha256: tokenizer.id,
    corpus: corpus.id,
    promptSuiteSha256: suiteHash(prompts),
    prompts,
    targets,
  };
}

/**
 * What one boot says of the challenger beside the incumbent: whether it would go on to a second one.
 * No boot crowns anybody alone.
 */
function takeoverOf(
  challenger: ArmVerdict,
  incumbent: ArmVerdict,
  baseline: BaselineReading,
  arena: Arena,
): Takeover | null {
  if (!baseline.ok || challenger.summary === null || challenger.verdict !== 'VALID') return null;
  const held = incumbent.verdict === 'VALID' && incumbent.summary !== null && incumbent.score > 0;
  if (!held && !isMinerFault(incumbent.verdict) && incumbent.verdict !== 'VALID') return null;
  const { summary, timings } = baseline;
  const contest = {
    baseline: summary,
    opponent: held ? { ...incumbent.summary, score: incumbent.score } : { ...summary, score: 0 },
    clamped: held,
    noise: null,
    controlRatio: 1,
  };
  const opponent = held ? incumbent.timings : timings;
  const pair = { boot: 1, challenger: challenger.timings, opponent };
  const { takesOver, goesOn, bar, mean, boots, ...why } = decide(
    contest,
    challenger.score,
    [pair],
    arena,
  );
  return { takesOver, goesOn, bar, mean, boots: boots.map((step) => ({ ...step })), ...whyOf(why) };
}

/** What is said where nothing could be compared. */
const NO_TAKEOVER: Takeover = {
  ...{ takesOver: false, goesOn: false, bar: null, mean: null, boots: [] },
  ...because('not-compared', 'one of the two was not measured'),
};

/**
 * Judges one evaluation from its plan and traces alone. Pure: the same folder gives the same bytes
 * anywhere.
 */
export function judgeEvaluation(
  plan: EvalPlan,
  traces: EvalTraces,
  tokenizer: Tokenizer,
  log?: Log,
): Report {
  if (tokenizer.id !== plan.tokenizerSha256)
    throw new DocumentError(
      'BAD_PLAN',
      'usage',
      `the plan's tokenizer has sha256 ${plan.tokenizerSha256}, this one ${tokenizer.id}`,
      'judge with the pinned tokenizer',
    );
  const context = { arena: plan.arena, tokenizer, prompts: poolsOf(plan.prompts) };
  const bodies = bodiesOf(plan.prompts, plan.arena);
  const reading = readBoot({
    given: traces,
    context,
    place: 'this evaluation',
    belongs: ({ requests }) =>
      requests.every(({ prompt, bodySha256 }) => bodies.get(prompt)?.bodySha256 === bodySha256),
  });
  const { baseline } = reading;
  const arm = (name: string, incumbent: boolean): ArmVerdict => {
    const verdict = reading.judge({ name, incumbent });
    if (verdict) return verdict;
    throw new DocumentError(
      'BAD_TRACE',
      'usage',
      `the ${name} has no trace`,
      'fetch the traces again, or measure again',
    );
  };
  const challenger = arm('challenger', false);
  const incumbent = plan.targets.incumbent === null ? null : arm('incumbent', true);
  if (incumbent) log?.info(`incumbent: ${incumbent.verdict}, score ${incumbent.score.toFixed(4)}`);
  const takeover =
    incumbent && (takeoverOf(challenger, incumbent, baseline, plan.arena) ?? NO_TAKEOVER);
  return { ...armReport(challenger, baseline, true), takeover };
}
