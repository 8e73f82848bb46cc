// Which earlier images an image is compared with when copies are looked for.
import type { Fingerprint } from '../schema/fingerprint.ts';

/**
 * Rounds in which an image stands against later images although no round ever found it worth
 * anything: after them it has had its chance.
 */
const UNPROVEN_ROUNDS = 2;

/** An image that earlier rounds of a ledger have seen, as it was seen last. */
export type KnownImage = {
  readonly print: Fingerprint;
  /**
   * Whether the image was worth something once: VALID by no less than a takeover takes, or winner
   * or runner-up. Only then it has a claim on its content for good: no miner can reserve content
   * that does not run, or that changes nothing.
   */
  readonly claims: boolean;
  /**
   * In how many earlier rounds its registry kept the image from being measured: it stays entered,
   * and no other miner can help that.
   */
  readonly rounds: number;
  /** Whether an earlier round measured it, and so found it no copy. */
  readonly decided: boolean;
};

/**
 * The rivals of a key's image: every earlier image that has a claim, and the images of its own
 * round as `seen` has them. An image that this round could not look at counts as it was last known;
 * an image that was never worth anything counts for its first rounds only.
 */
export function rivalsOf(
  key: string,
  entered: readonly string[],
  seen: ReadonlyMap<string, Fingerprint>,
  known: readonly KnownImage[],
): Fingerprint[] {
  const beside = entered.flatMap((other) => {
    const before = known.find(({ print }) => print.key === other);
    const print = seen.get(other) ?? before?.print;
    const proven = before === undefined || before.claims || before.rounds < UNPROVEN_ROUNDS;
    return print && proven && other !== key ? [print] : [];
  });
  const claims = known
    .filter((image) => image.claims && !entered.includes(image.print.key))
    .map(({ print }) => print);
  return [...claims, ...beside];
}

/**
 * Whether an earlier round measured this very image for this entry, and so found it no copy: that
 * is decided once (RULES "Copies: decided once").
 */
export function isDecided(
  { key, digest }: Pick<Fingerprint, 'key' | 'digest'>,
  known: readonly KnownImage[],
): boolean {
  return known.some(
    ({ print, decided }) => decided && print.key === key && print.digest === digest,
  );
}
