// Which answers are the model's own, by the margins of their tokens.
import { tokenizer, tinyArena as arena } from '../testing/answer-fixture.ts';

import { describe, expect, it } from 'vitest';
import { answerIds } from '../answers/answer-ids.ts';
import { type Answer } from '../answers/answer.ts';

import { marginGate } from './margin-gate.ts';

describe('the gate', () => {
  const text = 'And the king';
  const ids = tokenizer.encode(text);
  const answer = (finishReason: string, tokenIds: number[] | null = null): Answer => ({
    text,
    finishReason,
    tokenIds,
    canonicalIds: ids,
    arrivalsNs: [],
    contentChunks: [],
    logprobs: [],
  });
  const teacher = (margins: readonly number[], tokenIds = ids) => ({
    tokenIds,
    ends: tokenIds.map(() => 0),
    top: tokenIds.map(() => -1),
    second: tokenIds.map((): number | null => -1.1),
    own: tokenIds.map((_, i) => -1 - (margins[i] ?? 0)),
  });
  const gate = (
    finish: string,
    margins: readonly number[],
    forced = ids,
    more: { given?: number[]; maxTokens?: number } = {},
  ) => {
    const { given = null, maxTokens = ids.length } = more;
    return marginGate(
      [{ answer: answer(finish, given), teacher: teacher(margins, forced), maxTokens }],
      tokenizer,
      arena,
    );
  };
  it("passes the model's own tokens", () => {
    expect(gate('length', [])).toMatchObject({ pass: true, tokens: ids.length, meanMarginNats: 0 });
    expect(gate('stop', [], [...ids, 2039])).toMatchObject({ pass: true, tokens: ids.length + 1 });
  });
  it('names every reason', () => {
    expect(gate('length', [0, 0.5]).reasons).toEqual(['mean-margin']);
    expect(gate('length', [3, 3]).reasons).toContain('big-margin');
    expect(
      gate('stop', [0, 0, 0, 0, 0, 0, 0, 0, 0, 5].slice(-(ids.length + 1)), [...ids, 2039]).reasons,
    ).toContain('eos');
    expect(gate('tool_calls', []).reasons).toContain('eos');
    expect(gate('length', [], ids, { maxTokens: 100 }).reasons).toContain('length');
    expect(gate('length', [], ids.slice(0, -1)).reasons).toContain('bytes');
  });
  it('allows one answer with a bad first token, not two', () => {
    const bad = { answer: answer('length'), teacher: teacher([0.3]), maxTokens: ids.length };
    const loose = { ...arena, honestP999Nats: 10 };
    expect(marginGate([bad], tokenizer, loose).pass).toBe(true);
    expect(marginGate([bad, bad], tokenizer, loose).reasons).toEqual(['first-token']);
  });
  it('adds near-ties up where the honest noise is known, and refuses swaps that it does not explain', () => {
    const known = { ...arena, honestNoiseNats: 0.03, honestP999Nats: 10 };
    const noisy = { answer: answer('length'), teacher: teacher([]), maxTokens: ids.length };
    expect(marginGate([noisy], tokenizer, arena).nearTies).toBeNull();
    const kept = marginGate([noisy], tokenizer, known);
    expect(kept).toMatchObject({
      pass: true,
      nearTies: { variance: expect.any(Number) as number },
    });
    expect(kept.nearTies!.excess).toBeLessThan(0);
    const swapped = { ...noisy, teacher: teacher(ids.map(() => 0.1)) };
    expect(marginGate([swapped], tokenizer, known).reasons).toEqual(['near-ties']);
    expect(marginGate([swapped], tokenizer, { ...known, honestNoiseNats: 0.3 }).pass).toBe(true);
  });
  it('counts a missing value as infinitely far', () => {
    const result = marginGate(
      [
        {
          answer: answer('length'),
          teacher: { ...teacher([]), own: ids.map(() => null) },
          maxTokens: ids.length,
        },
      ],
      tokenizer,
      arena,
    );
    expect(result.bigMargins).toBe(ids.length);
    expect(result.meanMarginNats).toBe(1);
  });
  it("uses the server's ids only where they spell the answer", () => {
    const split = [...tokenizer.encode('And the k'), ...tokenizer.encode('ing')];
    expect(answerIds({ ...answer('length', split) }, tokenizer, 2039, 24)).toEqual(split);
    expect(answerIds({ ...answer('length', [1, 2, 3]) }, tokenizer, 2039, 24)).toEqual(ids);
    expect(answerIds({ ...answer('stop', [...ids, 2039]) }, tokenizer, 2039, 24)).toEqual(ids);
  });
});
