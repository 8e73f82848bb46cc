// Where an answer may leave the baseline's.
import { describe, expect, it } from 'vitest';
import { type Answer } from '../answers/answer.ts';
import { utf8 } from '../core/bytes.ts';
import { divergesHonestly } from './divergence-gate.ts';

describe('first divergence', () => {
  const entry = (token: string, logprob: number, others: Record<string, number>) => ({
    bytes: [...utf8(token)],
    logprob,
    top: [
      { bytes: [...utf8(token)], logprob },
      ...Object.entries(others).map(([text, value]) => ({
        bytes: [...utf8(text)],
        logprob: value,
      })),
    ],
  });
  const stream = (...logprobs: ReturnType<typeof entry>[]): Answer => ({
    text: '',
    finishReason: 'length',
    tokenIds: null,
    canonicalIds: [],
    arrivalsNs: [],
    contentChunks: [],
    logprobs,
  });
  const baseline = stream(entry('a', -0.1, {}), entry('b', -0.5, { c: -0.6 }));
  it('passes equal streams and near-ties, and fails the rest', () => {
    expect(divergesHonestly(baseline, baseline, 0.5)).toBe(true);
    expect(divergesHonestly(baseline, stream(entry('a', -0.1, {})), 0.5)).toBe(true);
    expect(
      divergesHonestly(baseline, stream(entry('a', -0.1, {}), entry('c', -0.5, { b: -0.6 })), 0.5),
    ).toBe(true);
    expect(
      divergesHonestly(baseline, stream(entry('a', -0.1, {}), entry('c', -0.5, { b: -1.6 })), 0.5),
    ).toBe(false);
    expect(
      divergesHonestly(baseline, stream(entry('a', -0.1, {}), entry('c', -0.5, {})), 0.5),
    ).toBe(false);
    expect(
      divergesHonestly(baseline, stream(entry('a', -0.1, {}), entry('c', -0.7, { b: -0.6 })), 0.5),
    ).toBe(false);
    expect(
      divergesHonestly(
        baseline,
        stream(entry('a', -0.1, {}), entry('c', -9999, { b: -9999 })),
        0.5,
      ),
    ).toBe(false);
  });
});
