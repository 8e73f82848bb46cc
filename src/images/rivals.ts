// Which earlier images an image is compared with when copies are looked for.
import type { Fingerprint } from '../schema/fingerprint.ts';

/**
 * Rounds in which an image stands against later ones although it was never measured to be worth
 * anything: then it has had its chance.
 */
const UNPROVEN_ROUNDS = 2;

/** An image that earlier rounds of a ledger have seen, as it was seen last. */
export type KnownImage = {
  readonly print: Fingerprint;
  /**
   * Whether it was worth something once: VALID by no less than a takeover takes, or winner or
   * runner-up. Only then it has a claim on its content for good: nobody can reserve what does not
   * run, or what changes nothing.
   */
  readonly claims: boolean;
  /**
   * In how many earlier rounds its registry kept it from being measured: it stays entered, and
   * nobody else can help that.
   */
  readonly rounds: number;
};

/**
 * What the image of a key is compared with: every earlier image that has a claim, and those of its
 * own round as `seen` has them. One that could not be looked at this time counts as it was last
 * known; one that never was worth anything, for its first rounds only.
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
