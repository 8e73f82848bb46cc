// Prompts drawn from a seed: the same everywhere, and never changed by asking for more.
import { describe, expect, it } from 'vitest';
import { generatedCorpus } from './corpus.ts';
import { drawSuite, promptLine, suiteHash } from './sampler.ts';
import { renderChat } from './template.ts';
import { tokenizer } from '../testing/answer-fixture.ts';
import { suiteRequest } from '../testing/suite-fixture.ts';

const suite = (change: Partial<typeof suiteRequest> = {}) =>
  drawSuite(generatedCorpus(), tokenizer, { ...suiteRequest, ...change });

describe('the sampler', () => {
  it('draws the same bytes for the same seed, others for another seed, shard or boot', () => {
    expect(suiteHash(suite())).toBe(suiteHash(suite()));
    expect(suiteHash(suite())).toBe(
      'f08409e4d8f31e6c6f487e489819fd244a73584b2b8505132cbbd25d57e3f8fc',
    );
    expect(suiteHash(suite({ seed: new Uint8Array(32).fill(1) }))).not.toBe(suiteHash(suite()));
    expect(suiteHash(suite({ boot: 2 }))).not.toBe(suiteHash(suite()));
    expect(suiteHash(suite({ shard: 1 }))).not.toBe(suiteHash(suite()));
  });
  it('numbers warm-ups first, and never changes earlier prompts when more are asked for', () => {
    expect(suite().map(({ index, pool }) => `${index}${pool[0]!}`)).toEqual([
      '0w',
      '1w',
      '2s',
      '3s',
      '4s',
      '5s',
      '6s',
    ]);
    expect(suite({ scored: 9 }).slice(0, 7).map(promptLine)).toEqual(suite().map(promptLine));
  });
  it('comes within a few tokens of the wanted size, never above', () => {
    for (const prompt of suite({ scored: 30, inputTokens: 200 })) {
      expect(prompt.tokens).toBeLessThanOrEqual(202);
      expect(prompt.tokens).toBeGreaterThan(185);
      expect(prompt.tokens).toBe(tokenizer.encodePrompt(renderChat(prompt.messages, '')).length);
    }
  });
  it('shares no passage and no salt between prompts', () => {
    const prompts = suite({ scored: 20, warmups: 5 });
    expect(new Set(prompts.map(({ messages }) => messages[0]!.content)).size).toBe(25);
    expect(new Set(prompts.map(({ messages }) => messages[1]!.content.slice(0, 60))).size).toBe(25);
  });
  it('says so where a size leaves no room', () => {
    expect(() => suite({ inputTokens: 20 })).toThrow(/leaves no room/);
  });
});
