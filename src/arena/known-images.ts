// Images that earlier rounds have seen, read from the ledger for the search for copies.
import { parseStrictJson, RECORD_JSON } from '../core/strict-json.ts';
import type { KnownImage } from '../images/rivals.ts';
import { type Ledger, recordsOf } from '../ledger/read.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { arenaSchema } from '../schema/arena.ts';
import { type Fingerprint, fingerprintSchema } from '../schema/fingerprint.ts';
import { LEDGER_EVIDENCE_PATH } from '../schema/paths.ts';
import type { PlanPredicate } from '../schema/records.ts';

/** Verdicts that keep an image from being measured and that only its miner can mend. */
const OWN_DOING: readonly string[] = ['INFRA_REGISTRY', 'INFRA_DIGEST'];

/**
 * Reads the fingerprint in a ledger's file; null where it is none, or that of another key than its
 * path says.
 */
export type ReadFingerprint = (path: string, bytes: Uint8Array) => Fingerprint | null;

/** A reader that reads no file twice: a ledger is asked about again for each of its rounds. */
export function fingerprintReader(unpack: (bytes: Uint8Array) => string | null): ReadFingerprint {
  const done = new Map<string, { bytes: Uint8Array; print: Fingerprint | null }>();
  return (path, bytes) => {
    const before = done.get(path);
    if (before?.bytes === bytes) return before.print;
    const print = parse(unpack(bytes), placeOf(path)?.key ?? null);
    done.set(path, { bytes, print });
    return print;
  };
}

/** Whose fingerprint a ledger's file is, and of which round; null for any other file. */
function placeOf(path: string): { readonly block: number; readonly key: string } | null {
  const { block, hotkey, commit } = LEDGER_EVIDENCE_PATH.exec(path)?.groups ?? {};
  return hotkey === undefined ? null : { block: Number(block), key: `${hotkey}:${commit}` };
}

function parse(text: string | null, key: string | null): Fingerprint | null {
  if (text === null) return null;
  try {
    const print = fingerprintSchema.parse(parseStrictJson(text, RECORD_JSON));
    return print.key === key ? print : null;
  } catch {
    return null;
  }
}

/**
 * Of the images that rounds before a block have seen, those with a claim and those of `entered`.
 * The audit names files that cannot be read.
 */
export function knownImages(
  ledger: Pick<Ledger, 'records' | 'files'>,
  read: ReadFingerprint,
  before: number,
  entered: readonly string[],
): KnownImage[] {
  const { files } = ledger;
  const worth = new Set<string>();
  const rounds = new Map<string, number>();
  const decided = new Set<string>();
  for (const { predicate } of recordsOf(ledger, 'round')) {
    const plan = recordsOf(ledger, 'plan').find(({ sha256 }) => sha256 === predicate.plan);
    const arena = arenaSchema.safeParse(plan?.predicate.arena);
    if (!arena.success || predicate.block.number >= before) continue;
    const least = arena.data.takeover.margin;
    for (const place of [predicate.standing.winner, predicate.standing.runnerUp])
      if (place) worth.add(place.key);
    for (const { key, verdict, score, boots } of predicate.entries) {
      if (boots.some(({ report }) => report.verdict === 'VALID')) decided.add(key);
      if (boots.length > 0 && OWN_DOING.includes(verdict))
        rounds.set(key, (rounds.get(key) ?? 0) + 1);
      if (verdict === 'VALID' && score >= least) worth.add(key);
    }
  }
  const past = [...files.keys()]
    .flatMap((path) => {
      const place = placeOf(path);
      return place && place.block < before ? [{ path, ...place }] : [];
    })
    .sort((a, b) => a.block - b.block || (a.path < b.path ? -1 : 1));
  const latest = new Map(past.map(({ key, path }) => [key, path]));
  return [...latest].flatMap(([key, path]) => {
    if (!worth.has(key) && !entered.includes(key)) return [];
    const print = read(path, files.get(path)!);
    if (!print) return [];
    const said = { claims: worth.has(key), decided: decided.has(key) };
    return [{ print, ...said, rounds: rounds.get(key) ?? 0 }];
  });
}

/** Keys of every submission that a plan measures. */
export function measuredKeys({ submissions }: Pick<PlanPredicate, 'submissions'>): string[] {
  return submissions.filter(({ status }) => status === 'evaluate').map(({ key }) => key);
}

/** The same for the process that measures a plan. */
export function knownBefore(
  { predicate }: LedgerRecord<'plan'>,
  ledger: Pick<Ledger, 'records' | 'files'>,
  unpack: (bytes: Uint8Array) => string | null,
): KnownImage[] {
  const entered = measuredKeys(predicate);
  return knownImages(ledger, fingerprintReader(unpack), predicate.block.number, entered);
}
