// Derives validator weights from the ledger's standing, and the calls that set them on chain.
import { emissionShares, type Share, toWeights, type Weight } from '../../arena/emission.ts';
import { historyOf } from '../../arena/history.ts';
import type { Standing } from '../../schema/standing.ts';
import { type Beacon, QUICKNET } from '../../beacon/pulses.ts';
import type {
  BlockRef,
  Call,
  ChainReader,
  SubnetState,
  WeightMethod,
  WeightRow,
} from '../../chain/chain.ts';
import { ChainError } from '../../chain/errors.ts';
import { seal, type SealEntropy } from '../../chain/timelock.ts';
import {
  legacyEpoch,
  legacyEpochStart,
  revealPulse,
  revealSchedule,
  weightsCommitHash,
  weightsPayload,
} from '../../chain/weight-codec.ts';
import { toHex } from '../../core/bytes.ts';
import { blake2b256 } from '../../core/hash.ts';
import { decodeSs58 } from '../../core/ss58.ts';
import { type Ledger, recordsOf } from '../../ledger/read.ts';
import { type Arena, parseArena } from '../../schema/arena.ts';
import type { Predicate } from '../../schema/records.ts';

/**
 * The largest difference that counts as read back: the chain scales and rounds u16 weights itself.
 */
const U16_STEP = 1;

/** Holders of the two places with the uids they have now. */
export type Holders = { readonly hotkey: string; readonly uid: number | null }[];
export type WeightsBody = {
  round: string | null;
  holders: Holders;
  shares: Share[];
  weights: Weight[];
  emission: { burnUid: number } & Arena['emission'];
};

/**
 * Weights that follow from a standing and the uids its holders have. Pure: the audit derives them
 * again.
 */
export function weightsFrom(
  standing: Standing,
  holders: Holders,
  rules: Pick<Arena, 'burnUid' | 'emission'>,
): { shares: Share[]; weights: Weight[] } {
  const uidOf = (hotkey: string): number | null =>
    holders.find((holder) => holder.hotkey === hotkey)?.uid ?? null;
  const shares = emissionShares(standing, uidOf, rules);
  return { shares, weights: toWeights(shares) };
}

/** Whether a row on chain is the one that was sent. */
export function sameRow(a: WeightRow, b: WeightRow): boolean {
  return (
    a.length === b.length &&
    a.every(
      ({ uid, weight }, i) => uid === b[i]!.uid && Math.abs(weight - b[i]!.weight) <= U16_STEP,
    )
  );
}

/** Derives the weights of now from a ledger and the chain's uids. */
export async function deriveWeights(
  chain: ChainReader,
  arena: Arena,
  ledger: Pick<Ledger, 'records'>,
  block: BlockRef,
): Promise<WeightsBody> {
  const { standing } = historyOf(ledger);
  const last = recordsOf(ledger, 'round').at(-1);
  const round = last?.sha256 ?? null;
  // The rules of the round count, not those of a later arena file: every auditor must be able to
  // derive these weights from the ledger alone.
  const plan =
    last && recordsOf(ledger, 'plan').find((item) => item.sha256 === last.predicate.plan);
  const rules = plan ? parseArena(plan.predicate.arena, 'the plan') : arena;
  const hotkeys = [standing.winner, standing.runnerUp].flatMap((place) =>
    place ? [place.hotkey] : [],
  );
  const holders = await Promise.all(
    hotkeys.map(async (hotkey) => ({
      hotkey,
      uid: await chain.uidOf(hotkey, arena.netuid, block),
    })),
  );
  return {
    round,
    holders,
    emission: { burnUid: rules.burnUid, ...rules.emission },
    ...weightsFrom(standing, holders, rules),
  };
}

/** The subnet's epoch at its newest block, and the first block of the next one. */
export function epochNow(
  state: SubnetState,
  netuid: number,
): { epoch: number; began: number; next: number } {
  if (state.epochs) {
    const { subnetEpochIndex, lastEpochBlock, pendingEpochAt, tempo } = state.epochs;
    const next = Math.min(lastEpochBlock + tempo, pendingEpochAt > 0 ? pendingEpochAt : Infinity);
    return { epoch: subnetEpochIndex, began: lastEpochBlock, next };
  }
  const epoch = legacyEpoch(state.head.number, netuid, state.tempo);
  return {
    epoch,
    began: legacyEpochStart(epoch, netuid, state.tempo),
    next: legacyEpochStart(epoch + 1, netuid, state.tempo),
  };
}

/** How the subnet takes weights at this block: its own flags say so, and nothing else is tried. */
export function methodOf(state: SubnetState): WeightMethod {
  if (!state.commitReveal) return 'plain';
  return state.timelockVersion === null ? 'commit-reveal' : 'timelock';
}

/**
 * The beacon to seal for. Public networks have quicknet's, pinned: a lying endpoint must not get
 * weights or payloads it can read.
 */
export function beaconFor(network: Arena['network'], offered: Beacon | null): Beacon {
  if (network !== 'local') return QUICKNET;
  if (offered) return offered;
  throw new ChainError(
    'MISSING_FEATURE',
    'infra',
    'this chain has no randomness beacon to seal for',
    'use an arena with timelock false',
  );
}

/** Random parts of a commit. */
export type WeightsEntropy = { readonly seal: SealEntropy; readonly salt: readonly number[] };
export type WeightsCommit = NonNullable<Predicate<'weights-intent'>['commit']>;

/** The call that sets or commits a row, and what to look for afterwards. */
export function weightsCall(
  arena: Pick<Arena, 'netuid' | 'network'>,
  state: SubnetState,
  { hotkey, row }: { readonly hotkey: string; readonly row: WeightRow },
  entropy: WeightsEntropy,
): { call: Call; commit: WeightsCommit | null } {
  const { netuid } = arena;
  const { versionKey } = state;
  const publicKey = decodeSs58(hotkey)!;
  const method = methodOf(state);
  if (method === 'plain')
    return { call: { kind: 'set-weights', netuid, row, versionKey }, commit: null };
  if (method === 'commit-reveal') {
    const salt = [...entropy.salt];
    const hash = weightsCommitHash(publicKey, netuid, { row, salt, versionKey });
    const epoch = epochNow(state, netuid).epoch;
    return {
      call: { kind: 'commit-weights', netuid, hash },
      commit: { hash: `0x${toHex(hash)}`, epoch, firstRevealBlock: null, round: null, salt },
    };
  }
  const schedule = state.epochs && revealSchedule(state.epochs);
  if (!schedule)
    throw new ChainError(
      'MISSING_FEATURE',
      'infra',
      `subnet ${netuid} runs no epochs, so committed weights would never show`,
      'wait for its owner to set a tempo',
    );
  const beacon = beaconFor(arena.network, state.beacon);
  const round = revealPulse(beacon, state, schedule.firstRevealBlock);
  const ciphertext = seal(beacon, round, weightsPayload(publicKey, row, versionKey), entropy.seal);
  return {
    call: {
      kind: 'commit-timelocked-weights',
      netuid,
      ciphertext,
      round,
      version: state.timelockVersion!,
    },
    commit: {
      hash: `0x${toHex(blake2b256(ciphertext))}`,
      epoch: schedule.commitEpoch,
      firstRevealBlock: schedule.firstRevealBlock,
      round,
      salt: null,
    },
  };
}

/** The call that reveals a hash commit. */
export function revealCall(
  netuid: number,
  row: WeightRow,
  versionKey: number,
  { salt }: WeightsCommit,
): Call {
  return { kind: 'reveal-weights', netuid, row, versionKey, salt: salt ?? [] };
}
