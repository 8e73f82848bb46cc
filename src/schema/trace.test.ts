// Tests of traces: lines and their text give the same trace, and what is wrong is named by its line.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTrace, traceLine, type TraceLine, traceOfLines } from './trace.ts';

const header = {
  type: 'header',
  schema: 1,
  role: 'challenger',
  key: null,
  image: 'image',
  seed: '0x00',
  originNs: 0,
  shard: 0,
  boot: 1,
  run: 1,
  startedAt: '',
} as const satisfies TraceLine;
const bodySha256 = 'ab'.repeat(32);
const request: TraceLine = { type: 'request', prompt: 0, warmup: false, tNs: 1, bodySha256 };
const end: TraceLine = {
  type: 'end',
  prompt: 0,
  tNs: 9,
  status: 200,
  outcome: 'done',
  detail: '',
};

const ns = fc.integer({ min: 2, max: 1e12 });
const content = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => ({ text: text.toWellFormed() })),
  fc.uint8Array().map((bytes) => ({ data: Buffer.from(bytes).toString('base64') })),
);
const event = fc.record({
  type: fc.constant('event' as const),
  tNs: ns,
  name: fc.string(),
  detail: fc.option(fc.string(), { nil: undefined }),
});
/** A request with its chunks in order of time, and perhaps an end and a teacher's line. */
const exchange = fc
  .record({ prompt: fc.nat(3), times: fc.array(fc.tuple(ns, content)), ends: fc.boolean() })
  .map(({ prompt, times, ends }): TraceLine[] => [
    { ...request, prompt },
    ...times
      .sort(([a], [b]) => a - b)
      .map(([tNs, part]): TraceLine => ({ type: 'chunk', prompt, tNs, ...part })),
    ...(ends ? [{ ...end, prompt, tNs: 2e12 } as TraceLine] : []),
    ...(ends
      ? [{ type: 'teacher', prompt, tokenIds: [1], ends: [2], top: [-1], own: [null] } as TraceLine]
      : []),
  ]);

const textOf = (lines: readonly TraceLine[]): string => lines.map(traceLine).join('');
const parse = (...lines: TraceLine[]): unknown => parseTrace(textOf(lines), 'it');

describe('a trace', () => {
  it('is the same from its lines as from their text', () => {
    const traces = fc.tuple(
      fc.uniqueArray(exchange, { selector: ([first]) => (first as { prompt: number }).prompt }),
      fc.array(event),
    );
    fc.assert(
      fc.property(traces, ([exchanges, events]) => {
        const lines: TraceLine[] = [header, ...exchanges.flat(), ...(events as TraceLine[])];
        expect(traceOfLines(lines, 'it')).toEqual(parseTrace(textOf(lines), 'it'));
      }),
    );
  });
  it('keeps out lines of unknown types, and keeps unknown fields of its header', () => {
    const unknown = { type: 'later', x: 1 } as unknown as TraceLine;
    const known = { ...header, host: { cores: 2 } } as TraceLine;
    expect(parse(known, unknown, request, end)).toMatchObject({
      header: { host: { cores: 2 } },
      requests: [{ prompt: 0, end: { outcome: 'done' } }],
      events: [],
    });
  });
  const chunk: TraceLine = { type: 'chunk', prompt: 0, tNs: 5, text: 'a' };
  const teacher = { type: 'teacher', prompt: 0, tokenIds: [1], ends: [], top: [], own: [] };
  it.each([
    ['without a header', 'line 1: one header must stand first', [request]],
    ['with two headers', 'line 2: one header must stand first', [header, header]],
    [
      'whose prompt was asked twice',
      'line 3: prompt 0 was asked twice',
      [header, request, request],
    ],
    [
      'with a chunk of no request',
      'line 2: chunk of prompt 0 without its request',
      [header, chunk],
    ],
    [
      'whose time goes back',
      'line 4: time goes back',
      [header, request, chunk, { ...chunk, tNs: 4 }],
    ],
    ['that ends twice', 'line 4: prompt 0 ended twice', [header, request, end, end]],
    [
      'with an empty chunk',
      'neither text nor data',
      [header, request, { ...chunk, text: undefined }],
    ],
    ['with unequal lists', 'teacher lists differ in length', [header, request, teacher]],
    ['with a field of another form', 'line 2: tNs', [header, { ...request, tNs: -1 }]],
  ])('is refused %s', (_, message, lines) => {
    expect(() => parse(...(lines as TraceLine[]))).toThrow(message);
  });
  it('is refused where its last line is cut, and where it is empty', () => {
    expect(() => parseTrace(textOf([header, request]).slice(0, -1), 'it')).toThrow('not complete');
    expect(() => parseTrace('', 'it')).toThrow('line 1: the last line is not complete');
  });
});
