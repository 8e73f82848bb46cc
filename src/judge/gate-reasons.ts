// Why a gate refused a run, with what it measured and the limit it was held against.
import type { MeasuringRules } from '../schema/arena.ts';
import { because, type Reason, type Reasoned } from '../schema/reasons.ts';
import type { NearTieSums } from '../schema/submission.ts';
import type { GateReason, GateResult } from './margin-gate.ts';
import { meanLimitNats } from './margin-limits.ts';
import { nearTieLimit } from './near-ties.ts';

/** What the gate's limits are, and what was measured against them. */
type Held = {
  readonly gate: GateResult;
  readonly rules: MeasuringRules;
};
type Why = { readonly detail: string; readonly value?: number; readonly limit?: number };

const nats = (what: string, value: number, limit: number): Why => ({
  detail: `${what} ${value.toPrecision(3)} nat, limit ${limit.toPrecision(3)}`,
  value,
  limit,
});

/** Near-ties as people read them: what an honest server's noise explains, and what was seen. */
export function nearTieWhy(over: string, sums: NearTieSums, z: number): Required<Why> {
  const [value, limit] = [sums.excess, nearTieLimit(sums, z)];
  const said = `close tokens are swapped more often${over} than the noise of honest servers explains`;
  return {
    detail: `${said}: evidence ${value.toPrecision(3)}, limit ${limit.toPrecision(3)}`,
    value,
    limit,
  };
}

const WHY: Readonly<Record<GateReason, (held: Held) => Why>> = {
  'mean-margin': ({ gate, rules }) =>
    gate.meanMarginNats === null
      ? { detail: 'no answer has a token' }
      : nats('mean margin', gate.meanMarginNats, meanLimitNats(rules)),
  'near-ties': ({ gate, rules }) => nearTieWhy('', gate.nearTies!, rules.gate.pooledZ),
  'first-token': ({ gate, rules }) => ({
    detail: `${gate.firstTokenStrikes} first tokens are not the model's, ${rules.gate.firstTokenStrikes} may be off`,
    value: gate.firstTokenStrikes,
    limit: rules.gate.firstTokenStrikes,
  }),
  'big-margin': ({ gate, rules }) => ({
    detail: `${gate.bigMargins} tokens are more than ${rules.gate.bigMarginNats} nat below the model's best, ${rules.gate.bigMargins} are too many`,
    value: gate.bigMargins,
    limit: rules.gate.bigMargins,
  }),
  eos: () => ({ detail: 'an answer ends where the model would not have ended it' }),
  length: () => ({ detail: 'an answer is longer or shorter than was asked for' }),
  bytes: () => ({ detail: 'the forced tokens do not spell the answer' }),
  'first-divergence': () => ({ detail: "an answer leaves the baseline's where no near tie is" }),
};

/** The two fields of a report for what the gate found (RULES "Report of an arm"). */
export function gateReasons(held: Held): Reasoned {
  const { gate } = held;
  if (gate.pass) return because('gate-passed', 'all answers pass the gate');
  const reasons = gate.reasons.map((code): Reason => ({ code, ...WHY[code](held) }));
  return toldOf(reasons);
}

/** Several reasons with one sentence: all that they say, so that no number has to be looked for. */
export function toldOf(reasons: Reason[]): Reasoned {
  return { reason: reasons.map(({ detail }) => detail).join('; '), reasons };
}
