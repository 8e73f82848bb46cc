// Refuses to go on with a ledger that lacks what its validator has anchored on chain.
import type { ChainCommitment, ChainReader } from '../../chain/chain.ts';
import { ChainError } from '../../chain/errors.ts';
import { LedgerError } from '../../ledger/errors.ts';
import type { Ledger } from '../../ledger/read.ts';
import { anchorOf } from './anchor-text.ts';

const RECOVER =
  'bring it back: cacheon recover --from CLONE takes it from any clone, and proves it';

/**
 * Throws `LEDGER_BEHIND` where the chain knows a record that this ledger lacks, `LEDGER_REWRITTEN`
 * where it knows another one in its place: a fork that lost its ledger would sign from record 0
 * again and burn the emission (RULES "Own anchor").
 */
export function assertHoldsAnchor(
  { records, validator }: Pick<Ledger, 'records' | 'validator'>,
  commitment: Pick<ChainCommitment, 'standing'>,
): void {
  const anchored = anchorOf(commitment);
  if (!anchored) return;
  const { seq, sha256 } = anchored;
  const own = records.find(({ predicate }) => predicate.seq === seq);
  if (!own)
    throw new LedgerError(
      'LEDGER_BEHIND',
      'infra',
      `the chain holds record ${seq} of ${validator} (${sha256}), this ledger ends with ${records.at(-1)?.predicate.seq ?? 'nothing'}`,
      RECOVER,
    );
  if (own.sha256 !== sha256)
    throw new LedgerError(
      'LEDGER_REWRITTEN',
      'infra',
      `the chain holds ${sha256} as record ${seq} of ${validator}, in this ledger it is ${own.sha256}`,
      RECOVER,
    );
}

/**
 * Throws `SLOT_TAKEN` where a hotkey's commitment says something that is no anchor: the chain keeps
 * one per hotkey, and an anchor would destroy it.
 */
export function assertSlotFree({ hotkey, standing }: ChainCommitment): void {
  if (!standing || anchorOf({ standing })) return;
  const sealed = standing.fields.some(({ kind }) => kind === 'timelock');
  throw new ChainError(
    'SLOT_TAKEN',
    'infra',
    `the commitment of ${hotkey} ${sealed ? 'is sealed and waits for its reveal' : 'says something else'}`,
    'a validator needs a hotkey of its own: clear the commitment, or validate with another hotkey',
  );
}

/** Both checks of a ledger against its validator's commitment at the newest block. */
export async function assertOwnAnchor(
  chain: Pick<ChainReader, 'commitment'>,
  ledger: Pick<Ledger, 'records' | 'validator'>,
  netuid: number,
): Promise<ChainCommitment> {
  const commitment = await chain.commitment(ledger.validator, netuid);
  assertHoldsAnchor(ledger, commitment);
  return commitment;
}
