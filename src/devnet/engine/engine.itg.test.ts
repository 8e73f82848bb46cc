// Tests of the tiny inference engine: its API, streaming, logprobs, honest and cheating variants.
// Answers are read as a client reads them: untyped JSON.
/* eslint-disable @typescript-eslint/no-explicit-any */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type TinyEngine } from './engine-server.ts';
import { VARIANTS } from './variants/index.ts';

let plain: TinyEngine;
beforeAll(async () => {
  plain = await startEngine({ variant: 'plain' });
});
afterAll(() => plain.close());

const post = async (engine: TinyEngine, path: string, body: unknown): Promise<any> =>
  (await fetch(engine.url + path, { method: 'POST', body: JSON.stringify(body) })).json();
const messages = [
  { role: 'user', content: 'And the king took the ark of the covenant. Continue the passage.' },
];
const ask = {
  model: 'tiny-qwen2',
  messages,
  max_tokens: 24,
  temperature: 0,
  return_token_ids: true,
};

async function stream(engine: TinyEngine, extra: Record<string, unknown> = {}): Promise<any[]> {
  const response = await fetch(`${engine.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ ...ask, stream: true, ...extra }),
  });
  const events = (await response.text())
    .trim()
    .split('\n\n')
    .map((line) => line.replace(/^data: /, ''));
  expect(events.at(-1)).toBe('[DONE]');
  return events.slice(0, -1).map((line) => JSON.parse(line));
}
const idsOf = (events: any[]): number[] =>
  events.flatMap((event) => event.choices[0].token_ids ?? []);

describe('the tiny engine', () => {
  it('answers the paths that a client of vLLM uses', async () => {
    expect((await fetch(`${plain.url}/health`)).status).toBe(200);
    expect(((await (await fetch(`${plain.url}/v1/models`)).json()) as any).data[0].id).toBe(
      'tiny-qwen2',
    );
    const { tokens, count } = await post(plain, '/tokenize', { messages });
    expect(tokens).toHaveLength(count);
    expect(
      (
        await post(plain, '/detokenize', {
          tokens: [(await post(plain, '/tokenize', { prompt: 'Moses' })).tokens].flat(),
        })
      ).prompt,
    ).toBe('Moses');
    expect((await fetch(`${plain.url}/nope`)).status).toBe(404);
    expect((await fetch(`${plain.url}/v1/models`, { method: 'POST' })).status).toBe(405);
    expect((await post(plain, '/v1/chat/completions', { messages: [] })).error.code).toBe(400);
    expect((await post(plain, '/v1/chat/completions', { ...ask, model: 'other' })).error.code).toBe(
      404,
    );
    expect((await post(plain, '/v1/completions', { prompt: [99999] })).error.code).toBe(400);
  });

  it('streams one event per token, with ids, logprobs and a finish reason', async () => {
    const events = await stream(plain, { logprobs: true, top_logprobs: 5 });
    const first = events[0].choices[0];
    expect([first.delta.role, first.delta.content]).toEqual(['assistant', '']);
    const content = events.slice(1).map((event) => event.choices[0]);
    expect(content.at(-1).finish_reason).toBe('length');
    expect(
      content.every((choice) => choice.logprobs.content.length === choice.token_ids.length),
    ).toBe(true);
    const top = content[0].logprobs.content[0].top_logprobs;
    expect(top).toHaveLength(5);
    expect(top[0].logprob).toBe(Math.max(...top.map((entry: any) => entry.logprob)));
    const whole = await post(plain, '/v1/chat/completions', ask);
    expect(whole.choices[0].message.content).toBe(
      content.map((choice) => choice.delta.content).join(''),
    );
    expect(whole.choices[0].token_ids).toEqual(idsOf(events));
  });

  it('forces an answer token by token and finds its own tokens the best', async () => {
    const ids = idsOf(await stream(plain));
    const { tokens } = await post(plain, '/tokenize', { messages });
    const { choices } = await post(plain, '/v1/completions', {
      prompt: [...tokens, ...ids],
      max_tokens: 1,
      prompt_logprobs: 1,
    });
    const forced = choices[0].prompt_logprobs.slice(tokens.length);
    expect(forced).toHaveLength(ids.length);
    expect(forced.map((entry: any, i: number) => entry[ids[i]!].rank)).toEqual(ids.map(() => 1));
  });

  it('gives the same greedy tokens from every honest kernel, and others from every cheat that changes the model', async () => {
    const reference = idsOf(await stream(plain));
    for (const variant of VARIANTS.values()) {
      if (variant.altersTokens === 'seldom') continue;
      const engine = await startEngine({ variant: variant.name });
      const ids = idsOf(await stream(engine));
      await engine.close();
      const same = JSON.stringify(ids) === JSON.stringify(reference);
      expect(same, variant.name).toBe(variant.altersTokens !== true);
    }
  });

  it('says so where a variant or a port cannot be had', async () => {
    await expect(startEngine({ variant: 'warp' })).rejects.toMatchObject({
      code: 'UNKNOWN_VARIANT',
    });
    await expect(
      startEngine({ variant: 'plain', port: Number(new URL(plain.url).port) }),
    ).rejects.toMatchObject({
      code: 'PORT_IN_USE',
    });
  });
});
