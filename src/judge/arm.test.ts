// Tests of judging a server: token counts, timing, the score, and checks of its tokens.
import type { ImageHistory } from '../arena/history.ts';
import { because } from '../schema/reasons.ts';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerIds } from '../answers/answer-ids.ts';
import { type Answer, readAnswer } from '../answers/answer.ts';
import { utf8 } from '../core/bytes.ts';
import { tokenizerFromJson } from '../prompts/io/tokenizer-file.ts';
import { parseArena } from '../schema/arena.ts';
import { parseTrace, type TracedRequest, traceLine, type TraceLine } from '../schema/trace.ts';
import { divergesHonestly } from './divergence-gate.ts';
import { marginGate } from './margin-gate.ts';
import { judgeArm, type JudgeContext, readBaseline } from './arm.ts';
import { promptScore, score } from './score.ts';
import { tokensPerSecond, ttftNs } from './timing.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const tokenizer = tokenizerFromJson(read('../devnet/model/tokenizer.json'));
const arena = {
  ...parseArena(JSON.parse(read('../devnet/arena.json')), 'devnet'),
  warmupPrompts: 0,
  scoredPrompts: 1,
};
const MS = 1e6;

const event = (content: string, extra: Record<string, unknown> = {}): string =>
  `data: ${JSON.stringify({ choices: [{ delta: { content }, ...extra }] })}\n\n`;
const DONE = 'data: [DONE]\n\n';
/** A traced request whose chunks arrive at the given milliseconds. */
function request(
  parts: readonly (readonly [ms: number, text: string | Uint8Array])[],
  end: Partial<NonNullable<TracedRequest['end']>> = {},
): TracedRequest {
  const chunks = parts.map(([ms, text]) => ({
    tNs: ms * MS,
    bytes: typeof text === 'string' ? utf8(text) : text,
  }));
  const last = chunks.at(-1)?.tNs ?? 0;
  return {
    prompt: 0,
    warmup: false,
    sentNs: 0,
    maxTokens: 24,
    body: {},
    chunks,
    end: { tNs: last, status: 200, outcome: 'done', detail: '', ...end },
    cost: null,
    teacher: null,
  };
}
const limits = arena.limits;
const answerOf = (parts: Parameters<typeof request>[0]): Answer => {
  const result = readAnswer(request(parts), tokenizer, limits);
  if ('fault' in result) throw new Error(result.fault.reason);
  return result.answer;
};
const faultOf = (parts: Parameters<typeof request>[0], end = {}): string => {
  const result = readAnswer(request(parts, end), tokenizer, limits);
  return 'fault' in result ? result.fault.verdict : 'none';
};
/** An answer of single-byte tokens: easy to count. */
const letters = (times: readonly number[], text = 'q'): Answer =>
  answerOf([
    ...times.map((ms) => [ms, event(text)] as const),
    [times.at(-1)!, event('', { finish_reason: 'length' }) + DONE],
  ]);

describe('reading an answer', () => {
  it('counts tokens by the canonical encoding and places them in time, whatever the chunks look like', () => {
    const text = 'And the king took the ark of the covenant.';
    const whole = event(text, { finish_reason: 'length' }) + DONE;
    const bytes = utf8(whole);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: bytes.length - 1 }), (cut) => {
        const answer = answerOf([
          [1, bytes.slice(0, cut)],
          [2, bytes.slice(cut)],
        ]);
        expect(answer.text).toBe(text);
        expect(answer.canonicalIds).toEqual(tokenizer.encode(text));
        expect(new Set(answer.arrivalsNs)).toEqual(
          new Set([cut < whole.indexOf('data: [DONE]') ? 2 * MS : 1 * MS]),
        );
      }),
    );
  });
  it('gives a token the time of the chunk that completes it', () => {
    const answer = answerOf([
      [10, event('the l')],
      [20, event('and')],
      [30, event('', { finish_reason: 'length' }) + DONE],
    ]);
    expect(answer.canonicalIds).toEqual(tokenizer.encode('the land'));
    expect(answer.arrivalsNs.at(0)).toBe(10 * MS);
    expect(answer.arrivalsNs.at(-1)).toBe(20 * MS);
  });
  it('H31 ignores role chunks, empty deltas, comments and usage', () => {
    const answer = answerOf([
      [1, event('', { delta: { role: 'assistant', content: '' } })],
      [2, ': ping\n\n'],
      [3, 'data: {"choices":[],"usage":{"completion_tokens":9999}}\n\n'],
      [50, event('q', { finish_reason: 'length' }) + DONE],
    ]);
    expect(answer.arrivalsNs).toEqual([50 * MS]);
  });
  it.each([
    ['H29 no [DONE]', [[1, event('q')]], 'E_STREAM'],
    ['H30 data after [DONE]', [[1, DONE + event('q')]], 'E_CONTENT'],
    [
      'H30 two finish reasons',
      [[1, event('q', { finish_reason: 'stop' }) + event('', { finish_reason: 'stop' }) + DONE]],
      'E_CONTENT',
    ],
    ['H34 broken UTF-8', [[1, Uint8Array.of(0x64, 0xff, 0xfe)]], 'E_CONTENT'],
    ['H35 depth', [[1, `data: ${'['.repeat(1000)}\n\n`]], 'E_CONTENT'],
    ['H35 duplicate keys', [[1, 'data: {"choices":[],"choices":[]}\n\n']], 'E_CONTENT'],
    [
      'H36 1e999 in a field we use',
      [[1, 'data: {"choices":[{"token_ids":[1e999]}]}\n\n']],
      'E_CONTENT',
    ],
    ['an error event', [[1, `data: {"error":{"message":"no"}}\n\n${DONE}`]], 'E_API'],
    ['bad JSON', [[1, 'data: {oops}\n\n']], 'E_CONTENT'],
    [
      'half a surrogate pair',
      [[1, `data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n${DONE}`]],
      'E_CONTENT',
    ],
  ] as const)('%s', (_, parts, verdict) => {
    expect(faultOf(parts as never)).toBe(verdict);
  });
  it('H34 takes a code point that is split over chunks', () => {
    const bytes = utf8(event('日', { finish_reason: 'length' }) + DONE);
    const at = bytes.indexOf(0xe6) + 1;
    expect(
      answerOf([
        [1, bytes.slice(0, at)],
        [2, bytes.slice(at)],
      ]).text,
    ).toBe('日');
  });
  it('H36 ignores odd numbers in fields nobody uses, and __proto__', () => {
    expect(
      faultOf([
        [
          1,
          `data: {"x":1e999,"__proto__":{"polluted":1},"choices":[{"delta":{"content":"q"},"finish_reason":"length"}]}\n\n${DONE}`,
        ],
      ]),
    ).toBe('none');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
  it('takes the earlier of two faults, and protocol before content at one moment', () => {
    expect(faultOf([[1, 'data: {oops}\n\n']], { tNs: 9 * MS, outcome: 'timeout' })).toBe(
      'E_CONTENT',
    );
    expect(faultOf([[9, 'data: {oops}\n\n']], { tNs: 9 * MS, outcome: 'timeout' })).toBe(
      'E_TIMEOUT',
    );
    expect(faultOf([[1, event('q')]], { tNs: 2 * MS, outcome: 'closed' })).toBe('E_STREAM');
    expect(faultOf([], { tNs: 2 * MS, outcome: 'status', status: 404 })).toBe('E_API');
  });
  it('never throws an untyped error on any bytes', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.json().map((text) => utf8(`data: ${text}\n\n`)),
      fc.constantFrom(utf8(DONE), utf8(event('q'))),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (list) => {
        const result = readAnswer(request(list.map((bytes, i) => [i, bytes])), tokenizer, limits);
        expect('fault' in result || typeof result.answer.text === 'string').toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('timing', () => {
  const rules = arena.scoring;
  it('takes the first content token, with steady gaps and with the bursts of exact speculation', () => {
    expect(ttftNs(letters([100, 110, 120, 130, 140, 150]), 0, rules)).toBe(100 * MS);
    expect(ttftNs(letters([100, 110, 120, 130, 140, 150], 'q,q,q'), 0, rules)).toBe(100 * MS);
  });
  it('corrects a stall: a guessed first token, then the real prefill', () => {
    // gaps 90, 10, 10, 10, 10: the first is more than 8 times the median of the others; at(4) - 3 x
    // 10
    expect(ttftNs(letters([5, 100, 110, 120, 130, 140]), 0, rules)).toBe((120 - 30) * MS);
    expect(ttftNs(letters([5, 84, 94, 104, 114, 124]), 0, rules)).toBe(5 * MS);
  });
  it('corrects a burst: more than 16 tokens in one chunk were held back', () => {
    const text = 'q,'.repeat(9);
    expect(tokenizer.encode(text).length).toBeGreaterThan(16);
    const answer = answerOf([
      [5, event('q,')],
      [300, event(text)],
      [300, event('', { finish_reason: 'length' }) + DONE],
    ]);
    expect(ttftNs(answer, 0, rules)).toBe(300 * MS);
  });
  it('has no time for an answer without content', () => {
    const empty = answerOf([[5, event('', { finish_reason: 'stop' }) + DONE]]);
    expect(ttftNs(empty, 0, rules)).toBe(Infinity);
    expect(tokensPerSecond(empty, 0, 10, rules)).toBe(0);
  });
  it('takes throughput end to end over the tokens both have, and 0 below 90 %', () => {
    const ten = letters([100, 110, 120, 130, 140, 150, 160, 170, 180, 200], 'q,');
    const n = ten.arrivalsNs.length;
    expect(tokensPerSecond(ten, 0, n, rules)).toBeCloseTo(n / 0.2, 6);
    expect(tokensPerSecond(ten, 0, 1, rules)).toBeCloseTo(1 / 0.1, 6);
    expect(tokensPerSecond(ten, 0, Math.floor(n / 0.9), rules)).toBeGreaterThan(0);
    expect(tokensPerSecond(ten, 0, Math.floor(n / 0.9) + 2, rules)).toBe(0);
  });
});

describe('the score', () => {
  const base = { ttftNs: 100, tokensPerSecond: 10 };
  it('is the formula of the competition, and 0 where the gate fails', () => {
    expect(score(true, base, { ttftNs: 70, tokensPerSecond: 13 }, arena.scoring)).toBeCloseTo(
      0.3,
      12,
    );
    expect(score(true, base, { ttftNs: 200, tokensPerSecond: 20 }, arena.scoring)).toBeCloseTo(
      0.5,
      12,
    );
    expect(score(false, base, { ttftNs: 1, tokensPerSecond: 1000 }, arena.scoring)).toBe(0);
  });
  it('is not clamped per prompt, and null without content', () => {
    const one = { index: 0, tokens: 5, ...base };
    expect(
      promptScore(one, { ...one, ttftNs: 200, tokensPerSecond: 5 }, arena.scoring),
    ).toBeCloseTo(-0.75, 12);
    expect(promptScore(one, { ...one, ttftNs: Infinity }, arena.scoring)).toBeNull();
  });
});

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
    own: tokenIds.map((_, i) => -1 - (margins[i] ?? 0)),
  });
  const gate = (
    finish: string,
    margins: readonly number[],
    forced = ids,
    more: { given?: number[]; maxTokens?: number; history?: ImageHistory } = {},
  ) => {
    const { given = null, maxTokens = ids.length, history = null } = more;
    return marginGate(
      [{ answer: answer(finish, given), teacher: teacher(margins, forced), maxTokens }],
      tokenizer,
      arena,
      history,
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
    expect(marginGate([bad], tokenizer, loose, null).pass).toBe(true);
    expect(marginGate([bad, bad], tokenizer, loose, null).reasons).toEqual(['first-token']);
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
      null,
    );
    expect(result.bigMargins).toBe(ids.length);
    expect(result.meanMarginNats).toBe(1);
  });
  it('adds an image up over its rounds', () => {
    const history = { rounds: 3, tokens: 1000, clippedNats: 0.45 };
    expect(gate('length', [], ids, { history }).reasons).toEqual(['running-sum']);
    expect(gate('length', [], ids, { history: { ...history, clippedNats: 0.3 } }).pass).toBe(true);
  });
  it("uses the server's ids only where they spell the answer", () => {
    const split = [...tokenizer.encode('And the k'), ...tokenizer.encode('ing')];
    expect(answerIds({ ...answer('length', split) }, tokenizer, 2039, 24)).toEqual(split);
    expect(answerIds({ ...answer('length', [1, 2, 3]) }, tokenizer, 2039, 24)).toEqual(ids);
    expect(answerIds({ ...answer('stop', [...ids, 2039]) }, tokenizer, 2039, 24)).toEqual(ids);
  });
});

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

describe('a trace', () => {
  const header: TraceLine = {
    type: 'header',
    schema: 1,
    role: 'challenger',
    key: null,
    image: 'x',
    blockHash: '0x',
    shard: 0,
    boot: 1,
    run: 1,
    startedAt: '',
  };
  const lines = (more: TraceLine[]): string => [header, ...more].map(traceLine).join('');
  const ask: TraceLine = {
    type: 'request',
    prompt: 0,
    warmup: false,
    tNs: 1,
    body: { max_tokens: 24 },
  };
  const context: JudgeContext = { arena, tokenizer, prompts: { warmup: [], scored: [0] } };
  it('keeps out what it does not know, and names what is wrong with a line number', () => {
    expect(parseTrace(`${lines([])}{"type":"new","x":1}\n`, 't').requests).toEqual([]);
    expect(() => parseTrace(lines([ask, ask]), 't')).toThrow(/line 3.*twice/);
    expect(() => parseTrace(lines([]).slice(0, -3), 't')).toThrow(/line 1/);
    expect(() =>
      parseTrace(`${lines([])}{"type":"chunk","prompt":0,"tNs":1,"text":""}\n`, 't'),
    ).toThrow(/without its request/);
    expect(() =>
      parseTrace(lines([ask, { type: 'chunk', prompt: 0, tNs: 0, text: '' }]), 't'),
    ).toThrow(/time goes back/);
  });
  it('is cut where a prompt or its end is missing, unless a fault ended the run', () => {
    const baseline = { ok: false, verdict: 'INFRA_BASELINE', ...because('drift', '') } as const;
    const judge = (more: TraceLine[]) =>
      judgeArm(parseTrace(lines(more), 't'), baseline, context, null);
    expect(() => judge([])).toThrow(/prompt 0 is missing/);
    expect(() => judge([ask])).toThrow(/prompt 0 has no end/);
    expect(
      judge([ask, { type: 'end', prompt: 0, tNs: 9, status: 503, outcome: 'status', detail: '' }])
        .verdict,
    ).toBe('E_API');
    expect(judge([{ type: 'event', tNs: 5, name: 'start-timeout' }]).verdict).toBe(
      'E_START_TIMEOUT',
    );
    expect(judge([{ type: 'event', tNs: 5, name: 'exit' }]).verdict).toBe('E_EXIT');
    // The verdict names a state that the server left on the machine, also where the baseline failed
    // because of it; it does not name what the machine lacked.
    expect(judge([{ type: 'event', tNs: 5, name: 'gpu-state' }]).verdict).toBe('SEC_GPU_STATE');
    for (const name of ['disk', 'digest', 'registry', 'host'])
      expect(judge([{ type: 'event', tNs: 5, name }]).verdict).toBe('INFRA_BASELINE');
    expect(
      judge([
        ask,
        { type: 'end', prompt: 0, tNs: 9, status: 200, outcome: 'closed', detail: '' },
        { type: 'event', tNs: 9, name: 'oom' },
      ]).verdict,
    ).toBe('E_OOM');
  });
  it("makes a baseline that never starts nobody's fault", () => {
    const trace = parseTrace(lines([{ type: 'event', tNs: 5, name: 'start-timeout' }]), 't');
    expect(readBaseline(trace, null, context)).toMatchObject({
      ok: false,
      verdict: 'INFRA_ENGINE',
    });
  });
});
