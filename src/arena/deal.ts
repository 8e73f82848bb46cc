// Which challengers a plan takes, how they are dealt to machines, and the order of their runs.
import { compare } from '../core/order.ts';
import { Prng } from '../core/prng.ts';
import type { Arena } from '../schema/arena.ts';
import { because } from '../schema/reasons.ts';
import type { Submission } from '../schema/submission.ts';
import { SUSPECT_ROUNDS } from './blame.ts';

/** What one shard measures: its entries in plan order. */
export type Shard = { readonly index: number; readonly entries: readonly string[] };

type Waiting = Pick<Submission, 'key' | 'hotkey' | 'coldkey' | 'commitBlock'>;

/** Earlier commit first, then the smaller hotkey. */
const byAge = (a: Waiting, b: Waiting): number =>
  a.commitBlock - b.commitBlock || compare(a.hotkey, b.hotkey);

/** The queue of a plan: who is taken, and everyone in the order of their turns. */
type Turns = { readonly taken: ReadonlySet<string>; readonly order: readonly string[] };

/** What earlier rounds say of the queue. */
type Earlier = {
  /** Measured, and not decided: they come first. */
  readonly returning: ReadonlySet<string>;
  /** Their registry gave nothing the last time: they come last. */
  readonly unreached: ReadonlySet<string>;
};

type TurnRules = Pick<Arena, 'shardEntries' | 'maxShards' | 'coldkeyEntries'>;

/** Behind every turn. */
const LAST = 1_000_000;

/**
 * The challengers that a plan takes, of all that are ready (RULES "Turns"): first those that earlier
 * rounds could not decide, in at most half of the places while others wait; then round robin over the
 * coldkeys that paid, the oldest of each first. So neither one miner's hundred entries nor a crowd of
 * undecided ones keeps another waiting for long.
 */
export function takeTurns(
  ready: readonly Waiting[],
  { returning, unreached }: Earlier,
  rules: TurnRules,
): Turns {
  const places = rules.shardEntries * rules.maxShards;
  const seen = new Map<string, number>();
  // A dead registry takes no turn from the same coldkey's other entries.
  const shut = ({ key }: Waiting): number => Number(unreached.has(key));
  const sorted = [...ready].sort((a, b) => shut(a) - shut(b) || byAge(a, b));
  const again = sorted.filter((entry) => returning.has(entry.key) && shut(entry) === 0);
  const first = new Set(again.slice(0, Math.ceil(places / 2)).map(({ key }) => key));
  const others = sorted.filter(({ key }) => !first.has(key));
  const queue = [...again.filter(({ key }) => first.has(key)), ...others].map((entry) => {
    const turn = seen.get(entry.coldkey) ?? 0;
    seen.set(entry.coldkey, turn + 1);
    if (first.has(entry.key)) return { entry, turn: -1, order: -1 };
    return { entry, turn, order: shut(entry) * LAST + turn };
  });
  queue.sort((x, y) => x.order - y.order || byAge(x.entry, y.entry));
  const taken = queue.filter(({ turn }) => turn < rules.coldkeyEntries).slice(0, places);
  return {
    taken: new Set(taken.map(({ entry }) => entry.key)),
    order: queue.map(({ entry }) => entry.key),
  };
}

/** Reason of a submission that waits for its turn. */
export const QUEUED = 'queued';

const WAITING = { status: 'waiting', verdict: null } as const;

/** Leaves all challengers but those whose turn it is waiting, with their place in the queue. */
export function inTurn(
  submissions: readonly Submission[],
  history: Earlier,
  { arena, kept }: { readonly arena: TurnRules; readonly kept: ReadonlySet<string> | null },
): Submission[] {
  const ready = submissions.filter(
    ({ status, role }) => status === 'evaluate' && role === 'challenger',
  );
  const turns = takeTurns(ready, history, arena);
  const isKept = ({ key }: Submission): boolean => kept?.has(key) === true;
  const taken = kept ? new Set(ready.filter(isKept).map(({ key }) => key)) : turns.taken;
  const { order } = turns;
  return submissions.map((line) => {
    const place = order.indexOf(line.key) + 1;
    if (place === 0 || taken.has(line.key)) return line;
    const detail = `waits for its turn, ${place}. of ${order.length} in the queue`;
    return { ...line, role: null, ...WAITING, ...because(QUEUED, detail, { value: place }) };
  });
}

/** The challengers of a plan: those that are dealt, and those that each have a shard alone. */
function challengersOf(submissions: readonly Submission[]) {
  const evaluated = submissions.filter(({ status }) => status === 'evaluate');
  const challengers = evaluated.filter(({ role }) => role === 'challenger');
  const alone = challengers.filter(({ suspect = 0 }) => suspect >= SUSPECT_ROUNDS);
  const dealt = challengers.filter((entry) => !alone.includes(entry));
  const incumbents = evaluated.filter(({ role }) => role !== 'challenger');
  return { dealt, alone, incumbents };
}

type DealRules = Pick<Arena, 'shardEntries' | 'maxShards'>;

/** How many shards a plan has (RULES "Shards"): the seed decides who is in which. */
export function shardCount(
  submissions: readonly Submission[],
  { shardEntries, maxShards }: DealRules,
): number {
  const { dealt, alone } = challengersOf(submissions);
  return Math.min(maxShards, Math.ceil(dealt.length / shardEntries)) + alone.length;
}

/**
 * How long a plan's shards take one after another, if every challenger goes to the last boot (RULES
 * "Minutes of a plan"), in whole minutes.
 */
export function plannedMinutes(
  submissions: readonly Submission[],
  arena: DealRules & Pick<Arena, 'armMinutes' | 'roleControl' | 'takeover'>,
): number {
  const { dealt, alone, incumbents } = challengersOf(submissions);
  const shards = shardCount(submissions, arena);
  const later = arena.takeover.stop.length;
  // The baseline twice, the reference twice, and the winner's slot in every later boot.
  const always = 4 + later + incumbents.length;
  const arms = shards * always + (arena.roleControl ? 1 : 0);
  const tries = (dealt.length + alone.length) * (1 + later);
  return shards === 0 ? 0 : Math.ceil((arms + tries) * arena.armMinutes);
}

/**
 * Deals a round's entries out to shards (RULES "Shards"). Incumbents run on every shard, so that
 * challengers are compared with them on the same machine; challengers are dealt in the order drawn
 * from the seed. A server during which machines broke off has a shard of its own, the last one. No
 * challengers: no shards, nothing to measure.
 */
export function dealShards(
  submissions: readonly Submission[],
  rules: DealRules,
  seed: Uint8Array,
): Shard[] {
  const { dealt: trusted, alone, incumbents } = challengersOf(submissions);
  const always = incumbents.map(({ key }) => key);
  const dealt = new Prng(seed, 'deal').shuffle(trusted.map(({ key }) => key).sort());
  const used = shardCount(submissions, rules) - alone.length;
  const size = Math.ceil(dealt.length / Math.max(1, used));
  const shards = Array.from({ length: used }, (_, index) =>
    dealt.slice(index * size, (index + 1) * size),
  );
  const last = alone.map(({ key }) => [key]);
  return [...shards, ...last].map((keys, index) => ({ index, entries: [...always, ...keys] }));
}

/**
 * Order of the arms of one boot between the two baseline runs. The seed draws it, so that no miner
 * or validator chooses a warm or a quiet slot.
 */
export function armOrder(
  entries: readonly string[],
  seed: Uint8Array,
  shard: number,
  boot: number,
): string[] {
  return new Prng(seed, `order/${shard}/${boot}`).shuffle([...entries].sort());
}
