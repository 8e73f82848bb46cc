// What a miner's commitments say, and which of them counts.
import { describe, expect, it } from 'vitest';
import { concatBytes, utf8 } from '../core/bytes.ts';
import type { ChainCommitment, CommitmentField, RevealedCommitment } from './chain.ts';
import { countedCommitments, revealToDate } from './commitments.ts';
import { compact } from './scale.ts';

const raw = (text: string): CommitmentField => ({ kind: 'raw', bytes: utf8(text) });

const sealed: CommitmentField = { kind: 'timelock', revealRound: 77 };

const scale = (text: string): Uint8Array => concatBytes(compact(utf8(text).length), utf8(text));

const reveal = (block: number, text = '{}'): RevealedCommitment => ({ block, bytes: scale(text) });

const of = (
  fields: CommitmentField[] | null,
  block: number,
  revealed: RevealedCommitment[] = [],
  lastBlock: number | null = block,
): ChainCommitment => ({ hotkey: 'h', standing: fields && { block, fields }, revealed, lastBlock });

const kinds = (
  commitment: ChainCommitment,
  commitBlock: number | null = null,
): (string | number)[][] =>
  countedCommitments(commitment, commitBlock).map((line) => [
    line.commitBlock,
    line.content.kind === 'fault' ? line.content.verdict : line.content.kind,
  ]);

describe('what a commitment says', () => {
  it('P01 P09 P10 P13: faults have names, a bonds reset changes nothing', () => {
    expect(kinds(of([{ kind: 'none' }], 5))).toEqual([[5, 'E_PAYLOAD_DECODE']]);
    expect(kinds(of([], 5))).toEqual([[5, 'E_PAYLOAD_DECODE']]);
    expect(kinds(of([raw('a'), raw('b')], 5))).toEqual([[5, 'E_AMBIGUOUS']]);
    expect(kinds(of([raw('a'), sealed], 5))).toEqual([[5, 'E_AMBIGUOUS']]);
    expect(kinds(of([{ kind: 'hash', algorithm: 'Sha256' }], 5))).toEqual([[5, 'E_NO_PREIMAGE']]);
    expect(kinds(of([raw('a'), { kind: 'reset-bonds' }], 5))).toEqual([[5, 'payload']]);
  });

  it('P11: a sealed one waits, and so does one that could not be opened', () => {
    expect(kinds(of([sealed], 5))).toEqual([[5, 'hidden']]);
    expect(kinds(of(null, 5))).toEqual([[5, 'hidden']]);
    expect(kinds(of(null, 5, [reveal(3)]), 2)).toEqual([
      [2, 'payload'],
      [5, 'hidden'],
    ]);
  });

  it('dates a reveal by the last commitment before it, at no cost where nothing came after', () => {
    const plainReveal = of(null, 5, [reveal(9)]);
    expect(revealToDate(plainReveal)).toBeNull();
    expect(countedCommitments(plainReveal, null)).toEqual([
      { commitBlock: 5, revealBlock: 9, content: { kind: 'payload', bytes: utf8('{}') } },
    ]);
  });

  it('the latest revealed one counts while a newer one is sealed, and needs dating', () => {
    const both = of([sealed], 20, [reveal(9)]);
    expect(revealToDate(both)).toBe(9);
    expect(kinds(both, 5)).toEqual([
      [5, 'payload'],
      [20, 'hidden'],
    ]);
    expect(kinds(both, null)).toEqual([
      [9, 'unknown'],
      [20, 'hidden'],
    ]);
  });

  it('a newer plain commitment replaces a reveal', () => {
    const newer = of([raw('x')], 20, [reveal(9)]);
    expect(revealToDate(newer)).toBeNull();
    expect(kinds(newer)).toEqual([[20, 'payload']]);
  });

  it('P09: what is left beside a reveal of the same commitment is ambiguous, but for a bonds reset', () => {
    expect(kinds(of([raw('x')], 5, [reveal(9)]))).toEqual([[5, 'E_AMBIGUOUS']]);
    expect(kinds(of([sealed], 5, [reveal(9)]))).toEqual([[5, 'E_AMBIGUOUS']]);
    expect(kinds(of([{ kind: 'reset-bonds' }], 5, [reveal(9)]))).toEqual([[5, 'payload']]);
    expect(kinds(of(null, 5, [reveal(9, 'a'), reveal(9, 'b')]))).toEqual([[5, 'E_AMBIGUOUS']]);
  });
});
