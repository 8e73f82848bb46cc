// What an audit says of a ledger before it says what is wrong: whose it is, and its last round.
import { endOf } from '../../ledger/plans.ts';
import { type Ledger, recordsOf } from '../../ledger/read.ts';
import type { PulseRecord } from '../../schema/records.ts';

/** What a seed was drawn from: a pulse of the beacon, a block, or nothing: it was given. */
export type SeedSource = 'beacon' | 'block' | 'given';

/** The same for people. */
export const SEED_SOURCES: Readonly<Record<SeedSource, string>> = {
  beacon: 'drawn from a pulse of the beacon after the anchor',
  block: 'drawn from a block after the anchor',
  given: 'given by the arena, as only a local chain allows',
};

export function seedSource(pulse: PulseRecord): SeedSource {
  if (pulse === null) return 'given';
  return 'round' in pulse ? 'beacon' : 'block';
}

/** Whose ledger was audited, and what its last round came to. */
export type LedgerSummary = {
  readonly validator: string;
  readonly records: number;
  readonly rounds: number;
  readonly voids: number;
  readonly last: null | {
    readonly block: number;
    readonly network: string;
    readonly netuid: number;
    readonly entries: number;
    readonly valid: number;
    /** Hotkey of the winner; null where nobody stands. */
    readonly winner: string | null;
    readonly seed: SeedSource;
  };
};

const networkOf = (arena: unknown): string => {
  const { network } = (arena ?? {}) as { network?: unknown };
  return typeof network === 'string' ? network : 'unknown';
};

/** Sums up a ledger as it was read; of what cannot be read nothing. */
export function summaryOf(ledger: Ledger): LedgerSummary {
  const { validator, records } = ledger;
  const plans = recordsOf(ledger, 'plan');
  const ends = plans.flatMap((plan) => {
    const end = endOf(ledger, plan);
    return end?.kind === 'round' ? [{ plan, round: end.predicate }] : [];
  });
  const last = ends.at(-1);
  return {
    ...{ validator, records: records.length, rounds: ends.length },
    voids: recordsOf(ledger, 'void').length,
    last: last
      ? {
          block: last.round.block.number,
          network: networkOf(last.plan.predicate.arena),
          netuid: last.round.network.netuid,
          entries: last.round.entries.length,
          valid: last.round.entries.filter(({ verdict }) => verdict === 'VALID').length,
          winner: last.round.standing.winner?.hotkey ?? null,
          seed: seedSource(last.round.pulse),
        }
      : null,
  };
}
