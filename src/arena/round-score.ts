// The score of a server over a round: that of boot 1, over several shards the median.
import { median } from '../core/median.ts';
import type { EntryResult } from '../ledger/verified-result.ts';

/** S of a round (RULES "Score of a round"); 0 where the verdict is not VALID. */
export function scoreOf({ verdict, boots }: Pick<EntryResult, 'verdict' | 'boots'>): number {
  const first = boots.filter(({ boot }) => boot === 1).map(({ score }) => score);
  return verdict !== 'VALID' || first.length === 0 ? 0 : median(first);
}
