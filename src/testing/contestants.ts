// Who takes part in a made-up ledger, how fast each is, and what the chain shows of them.
import { renderPayload } from '../arena/payload.ts';
import type { Commitment } from '../arena/submissions.ts';
import type { BlockRef } from '../chain/chain.ts';
import { utf8 } from '../core/bytes.ts';
import { sha256, sha256Hex } from '../core/hash.ts';
import { encodeSs58 } from '../core/ss58.ts';
import type { Pace } from './trace-fixture.ts';

/** The baseline's pace. */
const BASELINE_PACE: Pace = { ttftMs: 100, tokenMs: 10 };
/** Who enters in which round, and how its server answers. */
const CONTESTANTS = [
  { name: 'fast', round: 1, pace: { ttftMs: 50, tokenMs: 5 } },
  { name: 'slow', round: 1, pace: { ttftMs: 110, tokenMs: 11 } },
  { name: 'cheat', round: 1, pace: { ttftMs: 20, tokenMs: 2, marginNats: 5 } },
  { name: 'faster', round: 2, pace: { ttftMs: 25, tokenMs: 2.5 } },
] as const satisfies readonly Contestant[];
type Contestant = { readonly name: string; readonly round: number; readonly pace: Pace };
type Name = (typeof CONTESTANTS)[number]['name'];

/** Blocks of the plans, and of the weights that follow. */
export const blocksOf = (round: number): { plan: number; weights: number } => ({
  plan: 200 * round - 100,
  weights: 200 * round - 90,
});

/** A field of contestants over some rounds. */
export type LedgerField = { readonly contestants: readonly Contestant[]; readonly rounds: number };
/** Four contestants in two rounds. */
export const FIELD: LedgerField = { contestants: CONTESTANTS, rounds: 2 };

/** One winner, and in each of many rounds some who are slower than the baseline. */
export function longField(rounds: number, eachRound: number): LedgerField {
  const slow = Array.from({ length: rounds * eachRound }, (_, i): Contestant => ({
    ...{ name: `slow-${i}`, round: 1 + Math.floor(i / eachRound) },
    pace: { ttftMs: 110, tokenMs: 11 },
  }));
  return { contestants: [CONTESTANTS[0], ...slow], rounds };
}

export const blockAt = (number: number): BlockRef => ({
  number,
  hash: `0x${sha256Hex(`block ${number}`)}`,
});
const hotkeyOf = ({ name }: Contestant): string => encodeSs58(sha256(name));
const commitBlockOf = ({ round }: Contestant): number => blocksOf(round).plan - 10;
const submissionOf = (contestant: Contestant): string =>
  `${hotkeyOf(contestant)}:${commitBlockOf(contestant)}`;
/** The submission's key of a contestant. */
export function keyOf(name: Name): string {
  return submissionOf(CONTESTANTS.find((item) => item.name === name)!);
}

/** The pace of a submission's server. */
export function serverPace({ contestants }: LedgerField, key: string): Pace {
  return contestants.find((item) => submissionOf(item) === key)?.pace ?? BASELINE_PACE;
}

/** What the chain shows at a block: everyone who has committed by then, and paid. */
export function viewAt(block: BlockRef, { contestants }: LedgerField = FIELD) {
  const present = contestants.filter((item) => commitBlockOf(item) <= block.number);
  const neurons = present.map((item, i) => {
    const hotkey = hotkeyOf(item);
    return { uid: i + 1, hotkey, coldkey: hotkey, registeredAt: 1 };
  });
  const commitments = present.map((item): Commitment => {
    const payment = { tx: `0x${sha256Hex(`pay ${item.name}`)}`, block: 1, salt: 'salt' };
    const ref = {
      image: `127.0.0.1:5000/${item.name}`,
      digest: `sha256:${sha256Hex(item.name)}`,
    };
    return {
      hotkey: hotkeyOf(item),
      commitBlock: commitBlockOf(item),
      revealBlock: null,
      content: { kind: 'payload', bytes: utf8(renderPayload({ ...ref, base: null, payment })) },
    };
  });
  const payments = new Map(present.map((item) => [submissionOf(item), { state: 'paid' as const }]));
  return { block, neurons, commitments, payments };
}
