// Format of a trace: everything seen during the measurement of a server.
import { z } from 'zod';
import { utf8 } from '../core/bytes.ts';
import { messageOf } from '../core/errors.ts';
import { parseStrictJson, SERVER_JSON } from '../core/strict-json.ts';
import type { ClientCost } from './answer-cost.ts';
import { DocumentError } from './errors.ts';

/**
 * How a request ended, as the client saw it. The judge decides later what that means for the miner.
 */
export const OUTCOMES = [
  'done',
  'timeout',
  'closed',
  'refused',
  'limit',
  'protocol',
  'status',
] as const;
export type RequestOutcome = (typeof OUTCOMES)[number];

/** More than any arena asks of a server, and than the limits of so many answers let it send. */
const MAX_REQUESTS = 1024;
const MAX_LINES = 300_000;

const ns = z.number().int().nonnegative();
const prompt = z.number().int().nonnegative();
const header = z.looseObject({
  type: z.literal('header'),
  schema: z.literal(1),
  role: z.enum(['baseline', 'challenger', 'incumbent', 'control']),
  key: z.string().nullable(),
  image: z.string(),
  /** What the round's prompts and orders are drawn from. */
  seed: z.string(),
  shard: prompt,
  boot: z.number().int().positive(),
  run: z.number().int().positive(),
  /** When this trace began, on the same clock, since the measuring of its shard began. */
  originNs: ns,
  startedAt: z.string(),
});
const lineSchema = z.discriminatedUnion('type', [
  header,
  z.looseObject({
    type: z.literal('request'),
    prompt,
    warmup: z.boolean(),
    tNs: ns,
    /** Of the body's bytes: the body itself stands in the prompts of its boot, once. */
    bodySha256: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  z.looseObject({
    type: z.literal('chunk'),
    prompt,
    tNs: ns,
    text: z.string().optional(),
    data: z.base64().optional(),
  }),
  z.looseObject({
    type: z.literal('end'),
    prompt,
    tNs: ns,
    status: z.number().int().nullable(),
    outcome: z.enum(OUTCOMES),
    detail: z.string(),
    client: z
      .looseObject({ firstWaitNs: ns.nullable(), waitNs: ns.nullable(), gcNs: ns })
      .optional(),
  }),
  z.looseObject({
    type: z.literal('teacher'),
    prompt,
    tokenIds: z.array(prompt),
    ends: z.array(prompt),
    top: z.array(z.number().nullable()),
    second: z.array(z.number().nullable()).optional(),
    own: z.array(z.number().nullable()),
  }),
  z.looseObject({
    type: z.literal('event'),
    tNs: ns,
    name: z.string().max(100),
    detail: z.string().optional(),
  }),
]);

export type TraceHeader = z.infer<typeof header>;
export type TraceLine = z.infer<typeof lineSchema>;
type TraceEvent = {
  readonly tNs: number;
  readonly name: string;
  readonly detail: string | null;
};
type Chunk = { readonly tNs: number; readonly bytes: Uint8Array };
/**
 * Teacher forcing of one answer: `ends` are byte offsets of the forced ids; `own` is null where the
 * reference had no value; `second`, the next best to `top`, where it was not asked for.
 */
export type Teacher = {
  readonly tokenIds: readonly number[];
  readonly ends: readonly number[];
  readonly top: readonly (number | null)[];
  readonly second: readonly (number | null)[] | null;
  readonly own: readonly (number | null)[];
};
export type TracedRequest = {
  readonly prompt: number;
  readonly warmup: boolean;
  readonly sentNs: number;
  readonly bodySha256: string;
  readonly chunks: readonly Chunk[];
  readonly end: null | {
    readonly tNs: number;
    readonly status: number | null;
    readonly outcome: RequestOutcome;
    readonly detail: string;
  };
  /** What measuring cost the client itself; null in traces of before it was noted. */
  readonly cost: ClientCost | null;
  readonly teacher: Teacher | null;
};
/** One arm's run. */
export type Trace = {
  readonly header: TraceHeader;
  readonly requests: readonly TracedRequest[];
  readonly events: readonly TraceEvent[];
};

/** One line of NDJSON. */
export function traceLine(line: TraceLine): string {
  return `${JSON.stringify(line)}\n`;
}

/** The bytes of a chunk's line; null where it has none. */
function chunkBytes({
  text,
  data,
}: {
  readonly text?: string | undefined;
  readonly data?: string | undefined;
}): Uint8Array | null {
  if (text !== undefined) return utf8(text);
  return data === undefined ? null : new Uint8Array(Buffer.from(data, 'base64'));
}

const LINE_TYPES = ['header', 'request', 'chunk', 'end', 'teacher', 'event'];
type LineOf<T extends TraceLine['type']> = Extract<TraceLine, { type: T }>;

/** Puts a trace together from its lines, in their order. */
class TraceReader {
  #head: TraceHeader | null = null;
  readonly #requests = new Map<
    number,
    { -readonly [K in keyof TracedRequest]: TracedRequest[K] }
  >();
  readonly #events: TraceEvent[] = [];
  readonly #name: string;

  constructor(name: string, before?: Trace) {
    this.#name = name;
    if (!before) return;
    this.#head = before.header;
    for (const request of before.requests) this.#requests.set(request.prompt, { ...request });
    this.#events.push(...before.events);
  }

  fail(at: number, what: string): never {
    throw new DocumentError(
      'BAD_TRACE',
      'usage',
      `${this.#name} line ${at}: ${what}`,
      'the trace is cut or edited: fetch it again, or measure again',
    );
  }

  /** Takes the text of line `at`, counted from 1. A line of an unknown type is passed over. */
  line(raw: string, at: number): void {
    const value = this.#json(raw, at);
    const type = (value as { type?: unknown } | null)?.type;
    if (typeof type === 'string' && !LINE_TYPES.includes(type)) return;
    const parsed = lineSchema.safeParse(value);
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0]!;
      this.fail(at, `${path.join('.')}: ${message}`);
    }
    this.take(parsed.data, at);
  }

  trace(): Trace {
    const header = this.#head ?? this.fail(1, 'there is no header');
    return { header, requests: [...this.#requests.values()], events: this.#events };
  }

  #json(raw: string, at: number): unknown {
    try {
      return parseStrictJson(raw, SERVER_JSON);
    } catch (error) {
      return this.fail(at, messageOf(error));
    }
  }

  /** Takes line `at`, whose form is right. */
  take(line: TraceLine, at: number): void {
    if ((line.type === 'header') !== (this.#head === null))
      this.fail(at, 'one header must stand first');
    switch (line.type) {
      case 'header':
        this.#head = line;
        break;
      case 'event':
        this.#events.push({ tNs: line.tNs, name: line.name, detail: line.detail ?? null });
        break;
      case 'request':
        this.#open(line, at);
        break;
      default:
        this.#extend(line, at);
    }
  }

  #open({ prompt, warmup, tNs, bodySha256 }: LineOf<'request'>, at: number): void {
    if (this.#requests.has(prompt)) this.fail(at, `prompt ${prompt} was asked twice`);
    if (this.#requests.size >= MAX_REQUESTS) this.fail(at, `more than ${MAX_REQUESTS} requests`);
    this.#requests.set(prompt, {
      prompt,
      warmup,
      sentNs: tNs,
      bodySha256,
      chunks: [],
      end: null,
      cost: null,
      teacher: null,
    });
  }

  #extend(line: LineOf<'chunk' | 'end' | 'teacher'>, at: number): void {
    const open =
      this.#requests.get(line.prompt) ??
      this.fail(at, `${line.type} of prompt ${line.prompt} without its request`);
    if (line.type === 'chunk') {
      const bytes = chunkBytes(line) ?? this.fail(at, 'a chunk has neither text nor data');
      const before = open.chunks.at(-1)?.tNs ?? open.sentNs;
      if (line.tNs < before) this.fail(at, 'time goes back');
      (open.chunks as Chunk[]).push({ tNs: line.tNs, bytes });
    } else if (line.type === 'end') {
      if (open.end) this.fail(at, `prompt ${line.prompt} ended twice`);
      open.end = { tNs: line.tNs, status: line.status, outcome: line.outcome, detail: line.detail };
      open.cost = line.client ?? null;
    } else {
      const { tokenIds, ends, top, second = null, own } = line;
      const lists = [tokenIds, ends, top, own, ...(second ? [second] : [])];
      if (new Set(lists.map(({ length }) => length)).size !== 1)
        this.fail(at, 'teacher lists differ in length');
      open.teacher = { tokenIds, ends, top, second, own };
    }
  }
}

/**
 * Reads a trace (RULES "Lines of a trace"). Throws `BAD_TRACE` with the line number; unknown fields
 * and unknown line types are passed over.
 */
export function parseTrace(text: string, name: string): Trace {
  const reader = new TraceReader(name);
  if (!text.endsWith('\n')) reader.fail(text.split('\n').length, 'the last line is not complete');
  // Line by line: a split of a long text would hold all of it once more.
  let at = 0;
  for (let from = 0; from < text.length;) {
    const end = text.indexOf('\n', from);
    if (++at > MAX_LINES) reader.fail(at, `more than ${MAX_LINES} lines`);
    reader.line(text.slice(from, end), at);
    from = end + 1;
  }
  return reader.trace();
}

/** The trace that lines make, without printing and reading them: `parseTrace` of their text. */
export function traceOfLines(lines: readonly TraceLine[], name: string): Trace {
  const reader = new TraceReader(name);
  for (const [index, line] of lines.entries()) reader.take(line, index + 1);
  return reader.trace();
}

/** A trace with what was added after its run; what it had stays the same objects. */
export function withLines(trace: Trace, more: readonly TraceLine[], name: string): Trace {
  const reader = new TraceReader(name, trace);
  for (const [index, line] of more.entries()) {
    if (line.type !== 'teacher' && line.type !== 'event')
      reader.fail(index + 1, `a ${line.type} after the run`);
    reader.take(line, index + 1);
  }
  return reader.trace();
}
