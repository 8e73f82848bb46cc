// Whether a seed is the one that an anchored plan draws: arithmetic and signatures, no chain.
import { pulseAfter, verifyPulse } from '../../beacon/pulses.ts';
import { seedFrom, seedGiven } from '../../beacon/seed.ts';
import { fromHex, toHex } from '../../core/bytes.ts';
import { decodeSs58 } from '../../core/ss58.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { originOf, planAnchor } from '../../ledger/plans.ts';
import { type Records, recordsOf } from '../../ledger/records-of.ts';
import type { FaultCode, LedgerRecord } from '../../ledger/verify.ts';
import { type Arena, ArenaError, parseArena } from '../../schema/arena.ts';
import type { Draw } from '../../schema/artifacts.ts';
import type { PulseRecord } from '../../schema/records.ts';

type Plan = LedgerRecord<'plan'>;

/** Blocks between an anchor and the block that a seed is drawn from, on chains without pulses. */
export const BLOCKS_AFTER = 3;

/** What a plan's seed is drawn from. */
export type Source =
  | {
      readonly kind: 'drand';
      readonly round: number;
      readonly beacon: Parameters<typeof verifyPulse>[0];
    }
  | { readonly kind: 'block'; readonly block: number }
  | { readonly kind: 'fixed' };

/** A plan whose seed can be drawn: the plan that it goes back to, and what decides. */
export type Drawable = {
  readonly origin: Plan;
  readonly source: Source;
  /** The origin's number among the plans of its ledger, from 1. */
  readonly number: number;
};

type Fault = { readonly code: FaultCode; readonly message: string };

/** What an anchor says of the moment from which nobody could know the seed. */
function sourceOf(arena: Arena, { predicate }: LedgerRecord<'anchor'>): Source {
  const { beacon } = arena;
  const { block } = predicate.anchor;
  if (typeof beacon === 'string' || beacon.kind === 'block')
    return { kind: 'block', block: block.number + BLOCKS_AFTER };
  if (beacon.kind === 'fixed') return { kind: 'fixed' };
  const { genesisSeconds, periodSeconds, delaySeconds } = beacon;
  const own = { publicKey: fromHex(beacon.publicKey)!, genesisSeconds, periodSeconds };
  return { kind: 'drand', round: pulseAfter(own, block.timestampMs, delaySeconds), beacon: own };
}

/** A plan's arena, or null where it is none: an auditor reads plans that nobody should have signed. */
function arenaOf({ predicate, path }: Plan): Arena | null {
  try {
    return parseArena(predicate.arena, path);
  } catch (error) {
    if (error instanceof ArenaError) return null;
    throw error;
  }
}

/** What a plan's seed is drawn from; a fault where its anchor is not on record. */
export function drawable(ledger: Records, plan: Plan): Drawable | { readonly fault: Fault } {
  const origin = originOf(ledger, plan);
  if (!origin)
    return { fault: { code: 'OMISSION', message: 'the plan that it follows is not there' } };
  const anchor = planAnchor(ledger, origin);
  if (!anchor)
    return { fault: { code: 'OMISSION', message: `the anchor of ${origin.path} is missing` } };
  const arena = arenaOf(origin);
  if (!arena) return { fault: { code: 'SCHEMA', message: 'its arena is none' } };
  const number = recordsOf(ledger, 'plan').findIndex(({ sha256 }) => sha256 === origin.sha256) + 1;
  return { origin, source: sourceOf(arena, anchor), number };
}

/** The seed that follows from a pulse or a block (RULES "Seed"), as `0x` and 64 hex digits. */
export function seedOfPlan({ origin, source, number }: Drawable, pulse: PulseRecord): string {
  const { predicate, sha256 } = origin;
  const arena = parseArena(predicate.arena, origin.path);
  if (source.kind === 'fixed') {
    const { beacon } = arena;
    const given = typeof beacon === 'object' && beacon.kind === 'fixed' ? beacon.seed : '';
    return `0x${toHex(seedGiven(fromHex(given)!, number))}`;
  }
  const drawn = pulse && 'round' in pulse ? pulse.signature : (pulse?.hash ?? '');
  const seed = seedFrom({
    genesisHash: fromHex(predicate.network.genesisHash)!,
    netuid: predicate.network.netuid,
    publicKey: decodeSs58(predicate.validator) ?? new Uint8Array(32),
    planSha256: fromHex(sha256)!,
    drawn: fromHex(drawn)!,
  });
  return `0x${toHex(seed)}`;
}

/** Why a pulse is not the one that a seed must be drawn from; null where it is. */
function pulseFault(source: Source, pulse: PulseRecord): Fault | null {
  if (source.kind === 'fixed')
    return pulse === null ? null : { code: 'RECOMPUTE_MISMATCH', message: 'a pulse nobody asked' };
  if (source.kind === 'block') {
    if (pulse && 'block' in pulse && pulse.block === source.block) return null;
    const message = `the seed must be drawn from block ${source.block}`;
    return { code: 'TIME', message };
  }
  if (!pulse || !('round' in pulse) || pulse.round !== source.round) {
    const own = pulse && 'round' in pulse ? `pulse ${pulse.round}` : 'no pulse';
    return { code: 'TIME', message: `${own}, the first after the anchor is ${source.round}` };
  }
  if (verifyPulse(source.beacon, pulse.round, fromHex(pulse.signature)!)) return null;
  return { code: 'BAD_SIG', message: `pulse ${pulse.round} is not signed by the arena's beacon` };
}

/** Why a draw is not its plan's; null where it is. The hash of a block only a chain can tell. */
export function drawFault(
  ledger: Records,
  plan: Plan,
  { seed, pulse }: Pick<Draw, 'seed' | 'pulse'>,
): Fault | null {
  const found = drawable(ledger, plan);
  if ('fault' in found) return found.fault;
  const wrong = pulseFault(found.source, pulse);
  if (wrong) return wrong;
  const derived = seedOfPlan(found, pulse);
  if (derived === seed) return null;
  return { code: 'RECOMPUTE_MISMATCH', message: `the seed is ${seed}, ${derived} follows` };
}

/** Throws `BAD_DRAW` where a draw is not the plan's: nothing may be measured by another seed. */
export function assertDraw(ledger: Records, plan: Plan, draw: Draw): void {
  const fault =
    draw.plan === plan.sha256
      ? drawFault(ledger, plan, draw)
      : { code: 'WRONG_CONTEXT', message: `it is of the plan ${draw.plan}` };
  if (fault)
    throw new LedgerError(
      'BAD_DRAW',
      'usage',
      `the draw does not belong to ${plan.path}: ${fault.message} (${fault.code})`,
      'draw again: anyone gets the same seed from the same plan',
    );
}

/**
 * The draw of a plan by what is on record: of its own round or void, or of the voided plans that it
 * goes back to, whose seed it keeps. Null where none was drawn.
 */
export function recordedDraw(ledger: Records, plan: Plan): Draw | null {
  const origin = originOf(ledger, plan)?.sha256;
  const family = recordsOf(ledger, 'plan').filter(
    (item) => item.sha256 === plan.sha256 || originOf(ledger, item)?.sha256 === origin,
  );
  const own = new Set(family.map(({ sha256 }) => sha256));
  const ends = [...recordsOf(ledger, 'round'), ...recordsOf(ledger, 'void')];
  for (const { predicate } of ends)
    if (own.has(predicate.plan) && predicate.seed !== null)
      return { schema: 1, plan: plan.sha256, seed: predicate.seed, pulse: predicate.pulse };
  return null;
}

/**
 * The verified draw of a plan: the given one, or the one on record. Throws `BAD_DRAW`
 * where there is neither, or it is not the plan's.
 */
export function drawOf(ledger: Records, plan: Plan, given: Draw | null): Draw {
  const draw = given ?? recordedDraw(ledger, plan);
  if (!draw)
    throw new LedgerError(
      'BAD_DRAW',
      'usage',
      `no seed was drawn for ${plan.path}`,
      'draw it first: cacheon draw waits for the pulse after the anchor',
    );
  assertDraw(ledger, plan, draw);
  return draw;
}
