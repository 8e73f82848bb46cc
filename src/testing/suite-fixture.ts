// What a small suite of prompts is drawn by, for tests of the sampler and of corpora.
import { type SuiteRequest } from '../prompts/sampler.ts';

export const suiteRequest: SuiteRequest = {
  seed: new Uint8Array(32),
  shard: 0,
  boot: 1,
  warmups: 2,
  scored: 5,
  inputTokens: 96,
  systemMessage: 'You are a helpful assistant.',
  chatTemplate: 'chatml',
};
