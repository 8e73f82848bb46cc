// Who takes part in a made-up ledger, how fast each is, and what the chain shows of them.
import { renderPayload } from '../arena/payload.ts';
import type { Commitment } from '../arena/submissions.ts';
import type { BlockRef } from '../chain/chain.ts';
import { utf8 } from '../core/bytes.ts';
import { sha256, sha256Hex } from '../core/hash.ts';
import { encodeSs58 } from '../core/ss58.ts';
import type { Pace } from './trace-fixture.ts';

/** The baseline's pace. */
export const BASELINE_PACE: Pace = { ttftMs: 100, tokenMs: 10 };
/** Who enters in which round, and how its server answers. */
export const CONTESTANTS = [
  { name: 'fast', round: 1, pace: { ttftMs: 50, tokenMs: 5 } },
  { name: 'slow', round: 1, pace: { ttftMs: 110, tokenMs: 11 } },
  { name: 'cheat', round: 1, pace: { ttftMs: 20, tokenMs: 2, marginNats: 5 } },
  { name: 'faster', round: 2, pace: { ttftMs: 25, tokenMs: 2.5 } },
] as const satisfies readonly { name: string; round: number; pace: Pace }[];
type Contestant = (typeof CONTESTANTS)[number];

/** Blocks of the plans, and of the weights that follow. */
export const BLOCKS = [
  { plan: 100, weights: 110 },
  { plan: 300, weights: 310 },
] as const;

export const blockAt = (number: number): BlockRef => ({
  number,
  hash: `0x${sha256Hex(`block ${number}`)}`,
});
const hotkeyOf = ({ name }: Contestant): string => encodeSs58(sha256(name));
const commitBlockOf = ({ round }: Contestant): number => BLOCKS[round - 1]!.plan - 10;
/** The submission's key of a contestant. */
export function keyOf(name: Contestant['name']): string {
  const contestant = CONTESTANTS.find((item) => item.name === name)!;
  return `${hotkeyOf(contestant)}:${commitBlockOf(contestant)}`;
}

/** What the chain shows at a block: everyone who has committed by then, and paid. */
export function viewAt(block: BlockRef) {
  const present = CONTESTANTS.filter((item) => commitBlockOf(item) <= block.number);
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
  const payments = new Map(present.map(({ name }) => [keyOf(name), { state: 'paid' as const }]));
  return { block, neurons, commitments, payments };
}
