// Control of the measuring client as a separate process, with checks on its replies.
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { fromUtf8Lossy } from '../../core/bytes.ts';
import { messageOf } from '../../core/errors.ts';
import { MeasureError } from '../errors.ts';
import { originNs } from '../../node/monotonic-clock.ts';
import { OUTCOMES } from '../../schema/trace.ts';
import type { Exchange, LoadClient } from '../load-client.ts';
import type { ServerAddress } from './connection.ts';
import type { ClientRules } from './measuring-client.ts';

/** What a result may hold beside the body's base64: times and brackets of every chunk. */
const CHUNK_OVERHEAD = 48;
const RESULT_OVERHEAD = 64 * 1024;
/** How much longer than its own deadlines the meter may take before it counts as lost. */
const GRACE_SECONDS = 10;
/** One answer of the reference: about 370 bytes a position of `prompt_logprobs`. */
const POST_SECONDS = 120;
const POST_BYTES = 256 * 1024 * 1024;

const ns = z.number().int().nonnegative();
const exchangeSchema = z.object({
  sentNs: ns,
  chunks: z.array(z.tuple([ns, z.base64()])),
  end: z.object({
    tNs: ns,
    status: z.number().int().nullable(),
    outcome: z.enum(OUTCOMES),
    detail: z.string().max(400),
  }),
  cost: z.object({
    firstWaitNs: z.number().nullable(),
    waitNs: z.number().nullable(),
    gcNs: z.number(),
  }),
});
const replySchema = z.object({ id: z.number().int(), result: z.unknown() });

/** A running meter: its ends, and how to be rid of it. */
export type SidecarChannel = {
  readonly input: Writable;
  readonly output: Readable;
  readonly kill: () => Promise<void>;
};

const lost = (what: string, cause?: unknown): MeasureError =>
  new MeasureError(
    'METER_LOST',
    'infra',
    `the measuring client ${what}`,
    'measure again; if it stays, look at memory and load of the host',
  ).causedBy(cause);

/** A command that waits for its result. */
type Waiting = {
  readonly id: number;
  readonly maxBytes: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
};
/** What a command's result may take. */
type CommandLimits = { readonly seconds: number; readonly maxBytes: number };
const SHORT: CommandLimits = { seconds: GRACE_SECONDS, maxBytes: RESULT_OVERHEAD };

/** Commands to a meter and their results, one at a time. Everything it says is checked. */
class SidecarCommands {
  readonly #channel: SidecarChannel;
  #nextId = 1;
  #waiting: Waiting | null = null;
  #parts: Buffer[] = [];
  #size = 0;
  #over: Error | null = null;

  constructor(channel: SidecarChannel) {
    this.#channel = channel;
    const { input, output } = channel;
    const broken = (what: string) => (error: Error) =>
      this.#fail(lost(`${what}: ${messageOf(error)}`, error));
    output.on('data', (data: Buffer) => this.#hear(data));
    output.on('close', () => this.#fail(lost('ended')));
    output.on('error', broken('cannot be heard'));
    input.on('error', broken('cannot be spoken to'));
  }

  send(op: string, fields: object, { seconds, maxBytes }: CommandLimits): Promise<unknown> {
    const id = this.#nextId++;
    if (this.#over) return Promise.reject(this.#over);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#fail(lost(`gave no result within ${seconds} s`)),
        seconds * 1000,
      );
      const end =
        <T>(then: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer);
          then(value);
        };
      this.#waiting = { id, maxBytes, resolve: end(resolve), reject: end(reject) };
      // Readers of lines take these two for ends of lines as well.
      const line = JSON.stringify({ id, op, ...fields }).replace(
        /[\u2028\u2029]/g,
        (char) => `\\u${char.charCodeAt(0).toString(16)}`,
      );
      this.#channel.input.write(`${line}\n`);
    });
  }

  async close(): Promise<void> {
    this.#over ??= lost('was closed');
    await this.#channel.kill();
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = error;
    this.#waiting?.reject(error);
    this.#waiting = null;
    this.#channel.kill().catch(() => undefined); // the reaper finds what cannot be removed now
  }

  /** Takes what the meter said, line by line, as far as a result may be long. */
  #hear(data: Buffer): void {
    let rest = data;
    for (;;) {
      const newline = rest.indexOf(10);
      const piece = newline < 0 ? rest : rest.subarray(0, newline);
      this.#parts.push(piece);
      this.#size += piece.length;
      if (this.#size > (this.#waiting?.maxBytes ?? RESULT_OVERHEAD)) {
        this.#fail(lost('said more than a result can hold'));
        return;
      }
      if (newline < 0) return;
      rest = rest.subarray(newline + 1);
      const line = Buffer.concat(this.#parts).toString('utf8');
      this.#parts = [];
      this.#size = 0;
      if (!this.#take(line)) return;
    }
  }

  /** Takes one result; false where the meter is lost. */
  #take(line: string): boolean {
    const asked = this.#waiting;
    try {
      const reply = replySchema.parse(JSON.parse(line));
      if (asked?.id === reply.id) {
        this.#waiting = null;
        asked.resolve(reply.result);
        return true;
      }
      this.#fail(lost('answered what nobody asked'));
    } catch (error) {
      this.#fail(
        lost(`said something else than a result: ${messageOf(error).slice(0, 200)}`, error),
      );
    }
    return false;
  }
}

/** How large an answer may be, and how long it may take. */
type ExchangeLimits = {
  readonly seconds: number;
  readonly bodyBytes: number;
  readonly chunks: number;
};

/** A meter as a client: its results are checked for their form. */
class SidecarClient implements LoadClient {
  readonly #commands: SidecarCommands;
  readonly #rules: ClientRules;

  constructor(commands: SidecarCommands, rules: ClientRules) {
    this.#commands = commands;
    this.#rules = rules;
  }

  async healthy(): Promise<boolean> {
    return (await this.#commands.send('healthy', {}, SHORT)) === true;
  }

  ask(body: string): Promise<Exchange> {
    const { bodyBytes, chunks } = this.#rules.limits;
    return this.#exchange('ask', { body }, { seconds: this.#perRequest(), bodyBytes, chunks });
  }

  async post(path: string, body: string): ReturnType<LoadClient['post']> {
    const { end, chunks } = await this.#exchange(
      'post',
      { path, body, seconds: POST_SECONDS, maxBytes: POST_BYTES },
      {
        seconds: this.#perRequest() + 2 * POST_SECONDS,
        bodyBytes: POST_BYTES,
        chunks: this.#rules.limits.chunks,
      },
    );
    const text = fromUtf8Lossy(Buffer.concat(chunks.map(({ bytes }) => bytes)));
    return {
      status: end.outcome === 'done' || end.outcome === 'status' ? end.status : null,
      text,
      detail: `${end.outcome} ${end.detail}`.trim(),
    };
  }

  close(): Promise<void> {
    return this.#commands.close();
  }

  #perRequest(): number {
    const { connect, request } = this.#rules.deadlines;
    return 2 * (connect + request);
  }

  async #exchange(op: string, fields: object, limits: ExchangeLimits): Promise<Exchange> {
    const { bodyBytes, chunks: most } = limits;
    const maxBytes =
      Math.ceil(bodyBytes * 1.4) + Math.min(most, bodyBytes) * CHUNK_OVERHEAD + RESULT_OVERHEAD;
    const seconds = limits.seconds + GRACE_SECONDS;
    const result = await this.#commands.send(op, fields, { seconds, maxBytes });
    const parsed = exchangeSchema.safeParse(result);
    if (!parsed.success)
      throw lost(`gave a malformed result: ${parsed.error.issues[0]!.path.join('.')}`);
    const { chunks: packed, ...rest } = parsed.data;
    return {
      ...rest,
      chunks: packed.map(([tNs, text]) => ({
        tNs,
        bytes: new Uint8Array(Buffer.from(text, 'base64')),
      })),
    };
  }
}

/**
 * Talks to a meter through its standard streams, and checks its results like anything from a
 * machine that runs miners' code: the meter reads a hostile server's bytes.
 */
export async function openSidecar(
  channel: SidecarChannel,
  target: ServerAddress,
  rules: ClientRules,
): Promise<LoadClient> {
  const commands = new SidecarCommands(channel);
  await commands.send('open', { target, rules, originNs: originNs.toString() }, SHORT);
  return new SidecarClient(commands, rules);
}
