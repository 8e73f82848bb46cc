// How the subnet's emission is shared out after a round, as weights for the chain.
import type { Arena } from '../schema/arena.ts';
import type { Standing } from '../schema/standing.ts';

/** A share of one tempo's emission, 0..1. */
export type Share = { readonly uid: number; readonly share: number };
/** One entry of the weight row sent to the chain. */
export type Weight = { readonly uid: number; readonly weight: number };

const U16_MAX = 65_535;

/**
 * Shares of the emission (RULES "Emission"): pool = min(1, winner's score / fullPoolScore); 80 % of
 * it to the winner, 20 % to the runner-up, the rest to `burnUid`. `uidOf` gives the uid a hotkey
 * holds now, or null when it left: then the runner-up moves up with its own score.
 */
export function emissionShares(
  standing: Standing,
  uidOf: (hotkey: string) => number | null,
  arena: Pick<Arena, 'burnUid' | 'emission'>,
): Share[] {
  const held = [standing.winner, standing.runnerUp].flatMap((place) => {
    const uid = place === null ? null : uidOf(place.hotkey);
    return place === null || uid === null ? [] : [{ uid, score: place.score }];
  });
  const [winner, runnerUp] = held;
  const { fullPoolScore, winnerShare, runnerUpShare } = arena.emission;
  const pool = winner ? Math.min(1, Math.max(0, winner.score) / fullPoolScore) : 0;
  const shares: Share[] = [{ uid: arena.burnUid, share: 1 - pool }];
  if (winner && runnerUp)
    shares.push(
      { uid: winner.uid, share: winnerShare * pool },
      { uid: runnerUp.uid, share: runnerUpShare * pool },
    );
  else if (winner) shares.push({ uid: winner.uid, share: pool });
  const byUid = new Map<number, number>();
  for (const { uid, share } of shares) byUid.set(uid, (byUid.get(uid) ?? 0) + share);
  return [...byUid].map(([uid, share]) => ({ uid, share })).sort((a, b) => a.uid - b.uid);
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** u16 weights: round half even of share / largest share x 65535, zeros dropped, uids ascending. */
export function toWeights(shares: readonly Share[]): Weight[] {
  const largest = Math.max(0, ...shares.map(({ share }) => share));
  if (largest <= 0) return [];
  return shares
    .map(({ uid, share }) => ({ uid, weight: roundHalfEven((share / largest) * U16_MAX) }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => a.uid - b.uid);
}
