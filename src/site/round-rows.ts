// A round's record as the rows that a page shows, each number with the file that it came from.
import { tracePath } from '../schema/paths.ts';
import type { RoundEntry, RoundPredicate } from '../schema/records.ts';

/** One row of a round's table. Times and rates are of the boot and shard that its score is of. */
type ReportEntry = {
  readonly key: string;
  readonly miner: string;
  readonly image: string | null;
  readonly digest: string | null;
  readonly verdict: string;
  readonly reason: string;
  readonly score: number;
  /** Null: not measured, or a rule and no measurement made it 0. */
  readonly ttftNs: number | null;
  readonly tokensPerSecond: number | null;
  /** Its trace, under the round's folder; null where it was not measured. */
  readonly trace: string | null;
};
export type ReportRound = {
  readonly block: number;
  readonly validator: string;
  /** The chain's name and the subnet. */
  readonly network: string;
  readonly winner: string | null;
  readonly runnerUp: string | null;
  /** Who won, and why, in one sentence. */
  readonly outcome: string;
  readonly baseline: { ttftNs: number; tokensPerSecond: number; trace: string } | null;
  /** Difference between the baseline and itself in a challenger's slot; null: not measured. */
  readonly control: number | null;
  readonly entries: readonly ReportEntry[];
};

type NameOf = (hotkey: string) => string;

/** The boot that an entry's score is of: boot 1, of the shard whose score is nearest to it. */
function scoredBoot({ boots, score }: RoundEntry): RoundEntry['boots'][number] | undefined {
  const first = boots.filter(({ boot }) => boot === 1);
  const off = (one: RoundEntry['boots'][number]): number => Math.abs(one.report.score - score);
  return first.toSorted((a, b) => off(a) - off(b))[0];
}

/** The sentence on top: the winner, and what made it one. */
function outcomeOf({ standing, decisions, entries }: RoundPredicate, nameOf: NameOf): string {
  const { winner } = standing;
  if (!winner) return 'Nobody is faster than the baseline: the throne is empty.';
  const name = nameOf(winner.hotkey);
  const crowned = decisions.find(({ key, takesOver }) => key === winner.key && takesOver);
  if (crowned) return `${name} takes the throne: ${crowned.reason}.`;
  const own = entries.find(({ key }) => key === winner.key);
  const tries = decisions.filter(({ takesOver }) => !takesOver).length;
  const tried =
    tries === 0
      ? 'nobody came near'
      : `${tries} tried and ${tries === 1 ? 'was' : 'were'} not surely faster`;
  return `${name} stays on the throne${own ? ` with a score of ${own.score.toFixed(4)}` : ''}: ${tried}.`;
}

/** Why an entry stands where it does: of a winner that fell also who took its throne. */
function reasonOf({ decisions }: RoundPredicate, entry: RoundEntry, nameOf: NameOf): string {
  const taker = decisions.find(({ takesOver, against }) => takesOver && against === 'winner');
  if (entry.role !== 'winner' || !taker || taker.key === entry.key) return entry.reason;
  return `it lost the throne to ${nameOf(taker.key.split(':')[0]!)}; ${entry.reason}`;
}

function rowOf(round: RoundPredicate, entry: RoundEntry, nameOf: NameOf): ReportEntry {
  const at = scoredBoot(entry);
  const rate = at?.report.throughput.challengerTokensPerSecond ?? null;
  const { key, image, digest, verdict, score } = entry;
  const reason = reasonOf(round, entry, nameOf);
  return {
    ...{ key, image, digest, verdict, reason, score, miner: nameOf(entry.hotkey) },
    ttftNs: at?.report.ttft.challengerNs ?? null,
    tokensPerSecond: rate === 0 ? null : rate,
    trace: at ? tracePath(at.shard, at.boot, key, 1) : null,
  };
}

/** A round's predicate as rows, the best score first. `nameOf` gives what people call a miner. */
export function reportRound(round: RoundPredicate, nameOf: NameOf): ReportRound {
  const boots = round.entries.flatMap(({ boots: all }) => all);
  const timed = boots.find(({ report }) => report.ttft.baselineNs !== null);
  const { validator, block, network, standing, control } = round;
  return {
    ...{ validator, block: block.number },
    network: `${network.specName}, subnet ${network.netuid}`,
    winner: standing.winner?.key ?? null,
    runnerUp: standing.runnerUp?.key ?? null,
    outcome: outcomeOf(round, nameOf),
    baseline: timed
      ? {
          ttftNs: timed.report.ttft.baselineNs!,
          tokensPerSecond: timed.report.throughput.baselineTokensPerSecond!,
          trace: tracePath(timed.shard, 1, 'baseline', 1),
        }
      : null,
    control: control?.d ?? null,
    entries: round.entries
      .map((entry) => rowOf(round, entry, nameOf))
      .sort((a, b) => b.score - a.score || (a.miner < b.miner ? -1 : 1)),
  };
}
