// Control of the measuring client as a separate process, with checks on its replies.
import type { Readable, Writable } from 'node:stream';
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { fromUtf8Lossy } from '../../core/bytes.ts';
import { messageOf } from '../../core/errors.ts';
import { MeasureError } from '../errors.ts';
import { originNs } from '../../node/monotonic-clock.ts';
import { OUTCOMES } from '../../schema/trace.ts';
import type { Exchange, LoadClient } from '../load-client.ts';
import type { ClientRules, ServerAddress } from './measuring-client.ts';

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

/**
 * Talks to a meter through its standard streams, and checks its results like anything from a
 * machine that runs miners' code: the meter reads a hostile server's bytes.
 */
export async function openSidecar(
  channel: SidecarChannel,
  target: ServerAddress,
  rules: ClientRules,
): Promise<LoadClient> {
  const { deadlines, limits } = rules;
  let nextId = 1;
  let waiting: {
    id: number;
    maxBytes: number;
    resolve: (value: unknown) => void;
    reject: (error: Error) => void;
  } | null = null;
  let parts: Buffer[] = [];
  let size = 0;
  let over: Error | null = null;
  const fail = (error: Error): void => {
    if (over) return;
    over = error;
    waiting?.reject(error);
    waiting = null;
    channel.kill().catch(() => undefined); // the reaper finds what cannot be removed now
  };
  channel.output.on('data', (data: Buffer) => {
    let rest = data;
    for (;;) {
      const newline = rest.indexOf(10);
      const piece = newline < 0 ? rest : rest.subarray(0, newline);
      parts.push(piece);
      size += piece.length;
      if (size > (waiting?.maxBytes ?? RESULT_OVERHEAD)) {
        fail(lost('said more than a result can hold'));
        return;
      }
      if (newline < 0) return;
      rest = rest.subarray(newline + 1);
      const line = Buffer.concat(parts).toString('utf8');
      parts = [];
      size = 0;
      const asked = waiting;
      try {
        const reply = replySchema.parse(JSON.parse(line));
        if (asked?.id !== reply.id) {
          fail(lost('answered what nobody asked'));
          return;
        }
        waiting = null;
        asked.resolve(reply.result);
      } catch (error) {
        {
          fail(lost(`said something else than a result: ${messageOf(error).slice(0, 200)}`, error));
          return;
        }
      }
    }
  });
  channel.output.on('close', () => fail(lost('ended')));
  channel.output.on('error', (error) => fail(lost(`cannot be heard: ${messageOf(error)}`, error)));
  channel.input.on('error', (error) =>
    fail(lost(`cannot be spoken to: ${messageOf(error)}`, error)),
  );

  const command = (
    op: string,
    fields: object,
    seconds: number,
    maxBytes: number,
  ): Promise<unknown> => {
    const id = nextId++;
    if (over) return Promise.reject(over);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => fail(lost(`gave no result within ${seconds} s`)),
        seconds * 1000,
      );
      const end =
        <T>(then: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer);
          then(value);
        };
      waiting = { id, maxBytes, resolve: end(resolve), reject: end(reject) };
      // Readers of lines take these two for ends of lines as well.
      const line = JSON.stringify({ id, op, ...fields }).replace(
        /[\u2028\u2029]/g,
        (end) => `\\u${end.charCodeAt(0).toString(16)}`,
      );
      channel.input.write(`${line}\n`);
    });
  };
  const exchange = async (
    op: string,
    fields: object,
    seconds: number,
    bodyBytes: number,
    chunks: number,
  ): Promise<Exchange> => {
    const maxBytes =
      Math.ceil(bodyBytes * 1.4) + Math.min(chunks, bodyBytes) * CHUNK_OVERHEAD + RESULT_OVERHEAD;
    const parsed = exchangeSchema.safeParse(
      await command(op, fields, seconds + GRACE_SECONDS, maxBytes),
    );
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
  };

  await command(
    'open',
    { target, rules, originNs: originNs.toString() },
    GRACE_SECONDS,
    RESULT_OVERHEAD,
  );
  const perRequest = 2 * (deadlines.connect + deadlines.request);
  return {
    healthy: async () => (await command('healthy', {}, GRACE_SECONDS, RESULT_OVERHEAD)) === true,
    ask: (body) => exchange('ask', { body }, perRequest, limits.bodyBytes, limits.chunks),
    post: async (path, body) => {
      const fields = { path, body, seconds: POST_SECONDS, maxBytes: POST_BYTES };
      const { end, chunks } = await exchange(
        'post',
        fields,
        perRequest + 2 * POST_SECONDS,
        POST_BYTES,
        limits.chunks,
      );
      const text = fromUtf8Lossy(Buffer.concat(chunks.map(({ bytes }) => bytes)));
      return {
        status: end.outcome === 'done' || end.outcome === 'status' ? end.status : null,
        text,
        detail: `${end.outcome} ${end.detail}`.trim(),
      };
    },
    close: async () => {
      over ??= lost('was closed');
      await channel.kill();
    },
  };
}

/** The meter's program: beside the bundle, or the source that this file is. */
export function sidecarProgram(): string {
  const bundled = new URL('measuring-sidecar.cjs', import.meta.url);
  return fileURLToPath(
    existsSync(bundled) ? bundled : new URL('measuring-sidecar-main.ts', import.meta.url),
  );
}

/**
 * How much more a measuring client counts than others where cores are short, as a nice value; needs
 * root.
 */
const FAVOUR = -15;

/**
 * Lets a process have a core as soon as it wants one: for itself, and for its session, between
 * which Linux shares cores out.
 */
export function favour(pid: number): void {
  try {
    setPriority(pid, FAVOUR);
    writeFileSync(`/proc/${pid}/autogroup`, String(FAVOUR));
  } catch {
    // Not root, or no such thing here: each sample notes what waiting cost it.
  }
}

/** Runs the meter as a process of this machine, for servers that are reached from here. */
export function processSidecar(): SidecarChannel & { readonly pid: number } {
  // A session of its own: Linux shares cores out between sessions, and a busy server must not
  // starve the clock.
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', sidecarProgram()],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    },
  );
  if (child.pid !== undefined) favour(child.pid);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return {
    pid: child.pid ?? 0,
    input: child.stdin,
    output: child.stdout,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
