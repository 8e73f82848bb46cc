// Draws the seed of an anchored plan: waits for what decides it, and verifies that.
import { publishedAt, verifyPulse } from '../../beacon/pulses.ts';
import type { ChainReader } from '../../chain/chain.ts';
import { ChainError } from '../../chain/errors.ts';
import { fromHex } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import { CacheonError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { planAnchor } from '../../ledger/plans.ts';
import type { Records } from '../../ledger/records-of.ts';
import type { LedgerRecord } from '../../ledger/verify.ts';
import type { Draw } from '../../schema/artifacts.ts';
import type { PulseRecord } from '../../schema/records.ts';
import {
  assertDraw,
  type Drawable,
  drawable,
  recordedDraw,
  seedOfPlan,
  type Source,
} from './verify-draw.ts';

export type DrawPorts = {
  readonly chain: Pick<ChainReader, 'pulse' | 'blockHash' | 'finalizedHead' | 'timestampMs'>;
  readonly clock: Clock;
  readonly log: Log;
};

const POLL_MS = 1000;
/** How often people are told that the wait goes on. */
const TELL_NS = 10e9;
/** A pulse is on chain within a minute, a block within seconds: after this the chain stands still. */
const GIVE_UP_NS = 900e9;

/** Asks until there is an answer; tells that it waits. Throws `STALE` where nothing ever comes. */
async function awaited<T>(
  { clock, log }: DrawPorts,
  what: string,
  ask: () => Promise<T | null>,
): Promise<T> {
  const began = clock.nowNs();
  let toldNs = -Infinity;
  for (;;) {
    const found = await ask();
    if (found !== null) return found;
    const nowNs = clock.nowNs();
    if (nowNs - began > GIVE_UP_NS)
      throw new ChainError(
        'STALE',
        'infra',
        `waited ${Math.round(GIVE_UP_NS / 60e9)} minutes for ${what}`,
        'the chain stands still, or the endpoint lags: draw again',
      );
    if (nowNs - toldNs > TELL_NS) {
      log.info(`waiting for ${what}`);
      toldNs = nowNs;
    }
    await clock.sleep(POLL_MS);
  }
}

/** What decides a seed, and how it is called where it is waited for. */
type Awaited = { readonly pulse: PulseRecord };

function nameOf(source: Source): string {
  if (source.kind === 'fixed') return 'nothing';
  if (source.kind === 'block') return `block ${source.block} to be final`;
  const at = new Date(publishedAt(source.beacon, source.round) * 1000).toISOString();
  return `pulse ${source.round} of the beacon, published at ${at}`;
}

/** What decides the seed; null while the chain does not have it. Throws for a forged pulse. */
async function pulseNow(
  { chain }: Pick<DrawPorts, 'chain'>,
  source: Source,
): Promise<Awaited | null> {
  if (source.kind === 'fixed') return { pulse: null };
  if (source.kind === 'block') {
    const { block } = source;
    const final = (await chain.finalizedHead()).number >= block;
    const hash = final ? await chain.blockHash(block) : null;
    return hash === null ? null : { pulse: { block, hash } };
  }
  const { round, beacon } = source;
  const signature = await chain.pulse(round);
  if (signature === null) return null;
  if (!verifyPulse(beacon, round, fromHex(signature)!))
    throw new ChainError(
      'BAD_SIGNATURE',
      'infra',
      `the chain's pulse ${round} is not signed by the arena's beacon`,
      'the endpoint lies, or the arena names another beacon than the chain has',
    );
  return { pulse: { round, signature } };
}

/** Throws where the chain does not show the anchor as its record says it. */
async function assertAnchored({ chain }: DrawPorts, records: Records, { origin }: Drawable) {
  const { block } = planAnchor(records, origin)!.predicate.anchor;
  const wrong = (what: string): LedgerError =>
    new LedgerError(
      'BAD_DRAW',
      'infra',
      `the anchor of ${origin.path}: ${what}`,
      'the ledger belongs to another chain, or its anchor was made up',
    );
  const hash = await chain.blockHash(block.number);
  if (hash !== block.hash) throw wrong(`block ${block.number} is ${hash ?? 'not there'}`);
  const timestampMs = await chain.timestampMs(block);
  if (timestampMs !== block.timestampMs)
    throw wrong(`its block is of ${timestampMs} ms, not of ${block.timestampMs} ms`);
}

/** A plan whose seed can be drawn. Throws `BAD_DRAW` where its anchor is not on record. */
function assertDrawable(records: Records, plan: LedgerRecord<'plan'>): Drawable {
  const found = drawable(records, plan);
  if (!('fault' in found)) return found;
  throw new LedgerError(
    'BAD_DRAW',
    'usage',
    `${plan.path} cannot be drawn: ${found.fault.message}`,
    'publish the plan again: that anchors what it signed',
  );
}

const drawFrom = (plan: LedgerRecord<'plan'>, found: Drawable, { pulse }: Awaited): Draw => ({
  ...{ schema: 1, plan: plan.sha256, seed: seedOfPlan(found, pulse), pulse },
});

/**
 * The seed of a plan (RULES "Seed"). It waits until the first pulse after the anchor is on chain,
 * so nobody could know it before the plan was fixed; anyone who draws again gets the same seed.
 * A plan that follows a voided one takes what that one's record holds: the chain forgets pulses.
 * Throws `BAD_DRAW` for a plan without its anchor, and the errors of the chain.
 */
export async function drawSeed(
  ports: DrawPorts,
  records: Records,
  plan: LedgerRecord<'plan'>,
): Promise<Draw> {
  const found = assertDrawable(records, plan);
  let draw = recordedDraw(records, plan);
  if (!draw) {
    await assertAnchored(ports, records, found);
    const { source } = found;
    draw = drawFrom(
      plan,
      found,
      await awaited(ports, nameOf(source), () => pulseNow(ports, source)),
    );
  }
  assertDraw(records, plan, draw);
  ports.log.info(`seed ${draw.seed}`);
  return draw;
}

/**
 * The seed of a plan as far as it can be known by now, for the record of its void. Null where it
 * was never anchored, the pulse is not out yet, or the chain does not answer.
 */
export async function knownDraw(
  ports: Pick<DrawPorts, 'chain' | 'log'>,
  records: Records,
  plan: LedgerRecord<'plan'>,
): Promise<Draw | null> {
  const found = drawable(records, plan);
  if ('fault' in found) return null;
  const recorded = recordedDraw(records, plan);
  if (recorded) return recorded;
  try {
    const known = await pulseNow(ports, found.source);
    return known && drawFrom(plan, found, known);
  } catch (error) {
    if (!(error instanceof CacheonError)) throw error;
    ports.log.warn(`the seed of ${plan.path} could not be drawn: ${error.message}`);
    return null;
  }
}
