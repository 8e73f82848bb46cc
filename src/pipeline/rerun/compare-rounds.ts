// What a repeated round says beside the recorded one: verdicts, and scores as intervals.
import { meanOf, sdOf } from '../../judge/tolerance.ts';
import type { RoundBody, RoundEntry } from '../../schema/records.ts';

/** A difference of scores (again less recorded), with its interval of 95 % over the prompts. */
export type ScoreDifference = {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
};

/** One entry of both rounds. */
export type ComparedEntry = {
  readonly key: string;
  readonly recorded: { readonly verdict: string; readonly score: number };
  readonly again: { readonly verdict: string; readonly score: number };
  /** Null where one of the two has no scores by prompt. */
  readonly difference: ScoreDifference | null;
  readonly agrees: boolean;
};

/** Quantiles .975 of Student's t by degrees of freedom 1..30, then the normal one. */
const STUDENT = [
  ...[12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228],
  ...[2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086],
  ...[2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042],
];
const NORMAL = 1.96;

/** Mean of paired differences and its interval; null for fewer than two pairs. */
export function intervalOf(values: readonly number[]): ScoreDifference | null {
  const count = values.length;
  if (count < 2) return null;
  const mean = meanOf(values);
  const half = (STUDENT[count - 2] ?? NORMAL) * (sdOf(values) / Math.sqrt(count));
  return { mean, low: mean - half, high: mean + half };
}

/** Scores of an entry's first boots, by shard and prompt. */
function scoresOf({ boots }: RoundEntry): Map<string, number> {
  return new Map(
    boots
      .filter(({ boot }) => boot === 1)
      .flatMap(({ shard, report }) =>
        report.prompts.flatMap(({ index, score }): [string, number][] =>
          score === null ? [] : [[`${shard}/${index}`, score]],
        ),
      ),
  );
}

/**
 * Compares a repeated round with the recorded one, entry by entry: both were asked the same. They
 * agree where the verdict is the same, and the scores differ by no more than prompts scatter and
 * the arena lets a baseline drift.
 */
export function compareRounds(
  recorded: Pick<RoundBody, 'entries'>,
  again: Pick<RoundBody, 'entries'>,
  driftLimit: number,
): ComparedEntry[] {
  return recorded.entries.map((before): ComparedEntry => {
    const after = again.entries.find(({ key }) => key === before.key);
    const now = after ? scoresOf(after) : new Map<string, number>();
    const pairs = [...scoresOf(before)].flatMap(([at, score]) => {
      const other = now.get(at);
      return other === undefined ? [] : [other - score];
    });
    const difference = intervalOf(pairs);
    const verdict = after?.verdict ?? 'missing';
    const near =
      difference === null || (difference.low <= driftLimit && difference.high >= -driftLimit);
    return {
      key: before.key,
      recorded: { verdict: before.verdict, score: before.score },
      again: { verdict, score: after?.score ?? 0 },
      difference,
      agrees: verdict === before.verdict && near,
    };
  });
}
