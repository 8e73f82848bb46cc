// What a plan would cost and has cost: machine-minutes, and money at a validator's own price.
import { counted } from '../core/counted.ts';
import type { PlanDraft } from '../pipeline/scan.ts';
import type { Arena } from '../schema/arena.ts';
import type { Trace } from '../schema/trace.ts';
import { UsageError } from './errors.ts';

/** Names what a machine may cost at most, in cents an hour. */
export const PRICE_VARIABLE = 'CACHEON_MAX_HOURLY_PRICE';

/** What `scan --explain --json` adds. Minutes of all shards together; money in US cents, null without a price. */
export type PlanCost = {
  readonly leastMinutes: number;
  readonly mostMinutes: number;
  readonly shards: number;
  readonly challengers: number;
  readonly leastCents: number | null;
  readonly mostCents: number | null;
};

/** Cents an hour, from the environment; null where it is not set. Throws `USAGE`. */
export function hourlyPrice(text: string | undefined): number | null {
  if (text === undefined || text === '') return null;
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new UsageError(`${PRICE_VARIABLE} is ${text}`, 'give whole US cents an hour, say 2000');
}

/** The baseline twice and the reference once: what every shard's first boot has. */
const FIRST_BOOT = 3;

/**
 * Machine-minutes of a plan: at least where every challenger is decided in its first boot, at most
 * where all go to the last one (RULES "Minutes of a plan").
 */
export function costOf(
  { predicate }: Pick<PlanDraft, 'predicate'>,
  arena: Pick<Arena, 'armMinutes' | 'roleControl'>,
  centsAnHour: number | null,
): PlanCost {
  const { submissions, shards, plannedMinutes: mostMinutes } = predicate;
  const entries = submissions.filter(({ status }) => status === 'evaluate');
  const challengers = entries.filter(({ role }) => role === 'challenger').length;
  const incumbents = entries.length - challengers;
  const control = arena.roleControl ? 1 : 0;
  const arms = shards * (FIRST_BOOT + incumbents) + control + challengers;
  const leastMinutes = shards === 0 ? 0 : Math.ceil(arms * arena.armMinutes);
  const cents = (minutes: number): number | null => centsFor(minutes, centsAnHour);
  return {
    ...{ leastMinutes, mostMinutes, shards, challengers },
    ...{ leastCents: cents(leastMinutes), mostCents: cents(mostMinutes) },
  };
}

const centsFor = (minutes: number, centsAnHour: number | null): number | null =>
  centsAnHour === null ? null : Math.ceil((minutes / 60) * centsAnHour);

const money = (cents: number): string => `${(cents / 100).toFixed(2)} USD`;

/** The cost in words. */
export function* costLines(cost: PlanCost): Generator<string> {
  const { leastMinutes, mostMinutes, shards, challengers, leastCents, mostCents } = cost;
  if (shards === 0) {
    yield 'nothing is to be measured: no machine is needed';
    return;
  }
  yield `${counted(challengers, 'challenger')} on ${counted(shards, 'shard')}: ${leastMinutes} to ${mostMinutes} machine-minutes, by the number of boots that they need`;
  yield leastCents === null || mostCents === null
    ? `its price: set ${PRICE_VARIABLE} (US cents an hour)`
    : `${money(leastCents)} to ${money(mostCents)}`;
}

const NS_PER_MINUTE = 60e9;

/**
 * Minutes that each shard's machine measured, by the last event that its traces tell, on its own
 * clock; what came before the first server and after the last one is not in them.
 */
export function spentMinutes(traces: Iterable<Trace>): ReadonlyMap<number, number> {
  const minutes = new Map<number, number>();
  for (const { header, requests, events } of traces) {
    const times = [...events, ...requests.flatMap(({ end }) => end ?? [])].map(({ tNs }) => tNs);
    const untilNs = times.reduce((latest, tNs) => Math.max(latest, tNs), 0);
    const spent = (header.originNs + untilNs) / NS_PER_MINUTE;
    minutes.set(header.shard, Math.max(minutes.get(header.shard) ?? 0, spent));
  }
  return minutes;
}

/** What measuring has cost, in words, beside what was planned for at most. */
export function spentLine(
  spent: ReadonlyMap<number, number>,
  plannedMinutes: number,
  centsAnHour: number | null,
): string {
  const total = [...spent.values()].reduce((sum, minutes) => sum + minutes, 0);
  const price = centsFor(total, centsAnHour);
  const shards = `${spent.size} shard${spent.size === 1 ? '' : 's'}`;
  const parts = [
    `${total.toFixed(1)} machine-minutes on ${shards}, of at most ${plannedMinutes} planned`,
    ...(price === null ? [] : [money(price)]),
  ];
  return parts.join('; ');
}
