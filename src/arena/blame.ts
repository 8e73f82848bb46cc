// What counts against a miner only once it happened more than once: shut doors and broken hosts.
import { splitReference } from '../schema/image-ref.ts';
import { because, hasReason, type Reasoned } from '../schema/reasons.ts';
import type { Submission } from '../schema/submission.ts';
import { isMinerFault, type MinerFault, type Verdict } from '../schema/verdicts.ts';

/**
 * 6 h of blocks of 12 s: how far apart two rounds must lie in which an incumbent's own registry kept
 * it from being measured (RULES "Hiding").
 */
const HIDING_BLOCKS = 1800;
/** Rounds in which its own registry may keep a challenger from being measured, this one included. */
const CHALLENGER_ROUNDS = 3;
/** Rounds that may break off while a server runs, before it runs last and alone. */
export const SUSPECT_ROUNDS = 2;

/** An entry of one round, as far as blame goes. */
export type BlamedEntry = {
  readonly key: string;
  readonly image: string | null;
  readonly role: Submission['role'];
  readonly boots: readonly ({
    readonly shard: number;
    readonly verdict: Verdict;
  } & Pick<Reasoned, 'reasons'>)[];
};

/** Verdicts that keep an image from being measured and that only its miner can mend. */
const OWN_DOING: readonly Verdict[] = ['INFRA_REGISTRY', 'INFRA_DIGEST'];

const hostOf = (image: string | null): string | null =>
  image === null ? null : (splitReference(image)?.host ?? null);

/** Whether a round fetched an image. Incumbents run from a copy, which proves no registry. */
function wasFetched({ role, boots }: BlamedEntry): boolean {
  return (
    role === 'challenger' &&
    boots.some(({ verdict }) => verdict === 'VALID' || isMinerFault(verdict))
  );
}

/**
 * Whether a registry that failed (not one that said no) is to blame for itself: it was alone, while
 * other images came, from the same host where any other of it was asked.
 */
function failedAlone(entry: BlamedEntry, others: readonly BlamedEntry[]): boolean {
  const host = hostOf(entry.image);
  const beside = others.filter(({ image }) => hostOf(image) === host);
  return (beside.length > 0 ? beside : others).some(wasFetched);
}

/** Whether one boot met an entry's own registry shut; a busy one (429) is no challenger's fault. */
function isShut({ role }: BlamedEntry, boot: BlamedEntry['boots'][number]): boolean {
  const busy = role === 'challenger' && hasReason(boot, 'registry-busy');
  return OWN_DOING.includes(boot.verdict) && !busy;
}

/** The same entry, as one shard saw it. */
const seenIn = (entry: BlamedEntry, shard: number): BlamedEntry => ({
  ...entry,
  boots: entry.boots.filter((boot) => boot.shard === shard),
});

/**
 * Whether an entry's own registry kept it from being measured in a round, on some machine that could
 * fetch other images. An incumbent runs on several: one that has no copy of it is enough.
 */
export function metShutDoor(entry: BlamedEntry, all: readonly BlamedEntry[]): boolean {
  const challengers = all.filter(({ key, role }) => key !== entry.key && role === 'challenger');
  const shards = new Set(
    entry.boots.filter((boot) => isShut(entry, boot)).map(({ shard }) => shard),
  );
  return [...shards].some((shard) => {
    const own = seenIn(entry, shard);
    if (!own.boots.every((boot) => isShut(entry, boot))) return false;
    const failed = own.boots.some((boot) => hasReason(boot, 'registry'));
    if (entry.role === 'challenger') return !failed || failedAlone(own, challengers);
    const others = challengers.map((other) => seenIn(other, shard));
    return failed ? failedAlone(own, others) : others.some(wasFetched);
  });
}

/** Whether the machine broke off while this entry ran. */
export function brokeHost({ boots }: Pick<BlamedEntry, 'boots'>): boolean {
  return boots.some((boot) => boot.verdict === 'INFRA_HOST' && hasReason(boot, 'broke-off'));
}

type Blame = Reasoned & { readonly verdict: MinerFault };
type Planned = Pick<Submission, 'shut' | 'suspect'>;

/** `E_REF` where this round is one shut door too many for an entry; else null. */
function hidingFault(
  { shut }: Planned,
  entry: BlamedEntry,
  { all, block }: { readonly all: readonly BlamedEntry[]; readonly block: number },
): Blame | null {
  if (shut === undefined || !metShutDoor(entry, all)) return null;
  const rounds = shut.rounds + 1;
  const enough =
    entry.role === 'challenger' ? rounds >= CHALLENGER_ROUNDS : block - shut.since >= HIDING_BLOCKS;
  if (!enough) return null;
  const detail = `its registry did not give the image in ${rounds} rounds, first at block ${shut.since}`;
  return { verdict: 'E_REF', ...because('shut', detail, { value: rounds }) };
}

/** `E_EXIT` where the machine broke off once more, with this entry alone on it; else null. */
function weaponFault({ suspect = 0 }: Planned, entry: BlamedEntry): Blame | null {
  // Only a challenger is put on a machine of its own, and so known to be what broke it.
  if (entry.role !== 'challenger' || suspect < SUSPECT_ROUNDS || !brokeHost(entry)) return null;
  const detail = `the machine broke off in ${suspect + 1} rounds while it ran, the last time alone`;
  return { verdict: 'E_EXIT', ...because('breaks-host', detail, { value: suspect + 1 }) };
}

/** What this round, after earlier ones, says against an entry that it could not measure; or null. */
export function blameFor(
  planned: Planned,
  entry: BlamedEntry,
  round: { readonly all: readonly BlamedEntry[]; readonly block: number },
): Blame | null {
  return hidingFault(planned, entry, round) ?? weaponFault(planned, entry);
}
