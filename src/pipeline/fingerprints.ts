import { fingerprintSchema, type Fingerprint } from '../arena/fingerprint.ts';
import { arenaSchema } from '../arena/schema.ts';
import { parseStrictJson, RECORD_JSON } from '../core/strict-json.ts';
import { recordsOf, type Ledger } from '../results/ledger.ts';

/** Path of an image's fingerprint under its round: what the machine of this shard saw, and compared with. */
export function fingerprintPath(shard: number, key: string): string {
  return `images/${shard}/${key.replace(':', '-')}.json.gz`;
}

/**
 * An image that earlier rounds of a ledger have seen. Only one that was worth something once (VALID, by no less than a takeover takes) has a
 * claim on its content: nobody can reserve what does not run, or what changes nothing.
 */
export type KnownImage = { readonly print: Fingerprint; readonly claims: boolean };

/** Images that the rounds of a ledger have seen before a block, each as it was seen last. Unreadable ones are left out: the audit names them. */
export function knownImages(
  ledger: Pick<Ledger, 'records'>,
  files: ReadonlyMap<string, Uint8Array>,
  unpack: (bytes: Uint8Array) => string | null,
  before: number,
): KnownImage[] {
  const worth = new Set<string>();
  for (const { predicate } of recordsOf(ledger, 'round')) {
    const plan = recordsOf(ledger, 'plan').find(({ sha256 }) => sha256 === predicate.plan);
    const arena = arenaSchema.safeParse(plan?.predicate.arena);
    if (!arena.success || predicate.block.number >= before) continue;
    const least = arena.data.takeoverMargin - 1;
    for (const { key, verdict, score } of predicate.entries) if (verdict === 'VALID' && score >= least) worth.add(key);
  }
  const blockOf = (path: string): number => Number(/^rounds\/(\d+)\//.exec(path)?.[1] ?? Infinity);
  const past = [...files]
    .filter(([path]) => blockOf(path) < before)
    .sort(([a], [b]) => blockOf(a) - blockOf(b) || (a < b ? -1 : 1));
  const latest = new Map(readFingerprints(new Map(past), unpack).map((print) => [print.key, print]));
  return [...latest.values()].map((print) => ({ print, claims: worth.has(print.key) }));
}

/**
 * What the image of a key is compared with: every earlier image that has a claim, and those of its own round as `seen` has them. One that
 * could not be looked at this time counts as it was last known.
 */
export function rivalsOf(
  key: string,
  entered: readonly string[],
  seen: ReadonlyMap<string, Fingerprint>,
  known: readonly KnownImage[],
): Fingerprint[] {
  const beside = entered.flatMap((other) => {
    const print = seen.get(other) ?? known.find((image) => image.print.key === other)?.print;
    return print && other !== key ? [print] : [];
  });
  const claims = known.filter((image) => image.claims && !entered.includes(image.print.key)).map(({ print }) => print);
  return [...claims, ...beside];
}

/** Fingerprints among a ledger's files, in their order. Unreadable ones are left out: the audit names them. */
export function readFingerprints(
  files: ReadonlyMap<string, Uint8Array>,
  unpack: (bytes: Uint8Array) => string | null,
): Fingerprint[] {
  return [...files].flatMap(([path, bytes]) => {
    if (!/(?:^|\/)images\/\d+\/[^/]+\.json\.gz$/.test(path)) return [];
    const text = unpack(bytes);
    if (text === null) return [];
    try {
      return [fingerprintSchema.parse(parseStrictJson(text, RECORD_JSON))];
    } catch {
      return [];
    }
  });
}
