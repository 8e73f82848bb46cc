// Tests of a measuring session with real servers: GPUs left in a bad state, image reads, faults.
// How a boot handles machine and registry: GPUs that a server spoilt, an image that is read while
// another server starts, a fault in between. Real servers on loopback and the real client; the test
// states the GPUs' condition, since there are none here.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createParser } from 'eventsource-parser';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { ROOT } from '../../compose/repository.ts';
import { silentLog } from '../../core/log.ts';
import type { Tokenizer } from '../../core/tokenizer.ts';
import { MeasureError } from '../../measure/errors.ts';
import { urlRuntime } from '../../measure/io/url-runtime.ts';
import { monotonicClock } from '../../node/monotonic-clock.ts';
import { generatedCorpus } from '../../prompts/corpus.ts';
import { loadTokenizer } from '../../prompts/io/tokenizer-file.ts';
import { drawSuite } from '../../prompts/sampler.ts';
import { poolsOf } from '../../prompts/suites.ts';
import { parseArena } from '../../schema/arena.ts';
import {
  parseTrace,
  type Trace,
  traceLine,
  type TraceLine,
  traceOfLines,
} from '../../schema/trace.ts';
import type { Arm, BootPorts, IdleReceipt } from './boot-parts.ts';
import { measureBoot } from './boot-run.ts';

vi.mock(import('../../schema/trace.ts'), { spy: true });
vi.mock(import('eventsource-parser'), { spy: true });

const file = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;
const deadlines = { start: 1, connect: 1, firstByte: 2, interChunk: 2, request: 3 };
const arena = parseArena(
  { ...file, deadlines, warmupPrompts: 1, scoredPrompts: 1, driftLimit: 100 },
  'test',
);
const tokenizer = loadTokenizer(arena.tokenizer, ROOT);
const prompts = drawSuite(generatedCorpus(), tokenizer, {
  seed: new Uint8Array(32).fill(5),
  shard: 0,
  boot: 1,
  warmups: 1,
  scored: 1,
  inputTokens: 64,
  systemMessage: arena.model.systemMessage,
  chatTemplate: 'chatml',
});
const servers: Server[] = [];
afterAll(() => servers.forEach((server) => server.close()));

/**
 * A server that answers every prompt alike, and is healthy once `healthy` says so. It takes its
 * time: three times a baseline of a millisecond would be a hiccup of this machine.
 */
async function serve(healthy: () => boolean = () => true, lateMs = 120): Promise<string> {
  const top = { token: 'a', logprob: -0.1, bytes: [97] };
  const logprobs = { content: [{ ...top, top_logprobs: [top] }] };
  const choices = [{ index: 0, delta: { content: 'a' }, finish_reason: 'stop', logprobs }];
  const server = createServer((request, response) => {
    if (request.url === '/health') {
      response.writeHead(healthy() ? 200 : 503).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const text = `data: ${JSON.stringify({ choices })}\n\ndata: [DONE]\n\n`;
    setTimeout(() => response.end(text), lateMs);
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A runtime whose reference ends with this output; every other server runs. */
function referenceThat(printed: string, oom = false): Partial<BootPorts> {
  const real = urlRuntime(arena);
  let started = 0;
  return {
    runtime: {
      start: async (target) => {
        const engine = await real.start(target);
        // Baseline, arm, baseline again: the fourth is the reference.
        if (++started < 4) return engine;
        return {
          ...engine,
          connect: () => Promise.reject(new MeasureError('METER_LOST', 'infra', 'it hung up', '')),
          exited: () => ({ code: 1, oom }),
          log: () => Buffer.from(printed),
        };
      },
    },
  };
}

/** Measures a boot of these arms; returns what was kept, by the name of the run. */
async function measured(
  arms: readonly { name: string; url: string; admit?: Arm['admit']; role?: Arm['role'] }[],
  more: Partial<BootPorts> = {},
): Promise<{ kept: Map<string, Trace>; failure: unknown }> {
  const kept = new Map<string, Trace>();
  const url = await serve();
  const ports: BootPorts = {
    clock: monotonicClock,
    runtime: urlRuntime(arena),
    tokenizer,
    log: silentLog,
    now: () => '',
    keep: (path, lines) => {
      const name = /([^/]+)\.ndjson\.gz$/.exec(path)?.[1];
      if (name !== undefined)
        kept.set(name, parseTrace((lines as readonly TraceLine[]).map(traceLine).join(''), path));
    },
    ...more,
  };
  const boot = {
    seed: '0x',
    beganNs: 0,
    shard: 0,
    boot: 1,
    prompts,
    pools: poolsOf(prompts),
    baseline: { kind: 'url', url } as const,
    reference: { kind: 'url', url } as const,
    arms: arms.map(({ name, url: at, admit, role = 'challenger' }): Arm => ({
      name,
      role,
      key: name,
      target: { kind: 'url', url: at },
      ...(admit ? { admit } : {}),
    })),
  };
  const failure: unknown = await measureBoot(ports, arena, boot).then(
    () => null,
    (error: unknown) => error,
  );
  return { kept, failure };
}
const eventsOf = (trace: Trace | undefined): string[] =>
  (trace?.events ?? [])
    .map(({ name }) => name)
    .filter((name) => !/^(?:start|healthy|reference-failed)$/.test(name));

describe('a reference', () => {
  it.each([
    ['as CUDA says it', 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate', false],
    ['as the kernel says it', '', true],
  ])('that runs out of memory, %s, is told so, and nobody is blamed', async (_, printed, oom) => {
    const arms = [{ name: 'arm', url: await serve() }];
    const { kept } = await measured(arms, referenceThat(printed, oom));
    for (const name of ['arm', 'baseline']) {
      const last = kept.get(name)!.events.at(-1)!;
      expect(last.name).toBe('reference-failed');
      expect(last.detail).toMatch(/^the reference ran out of memory: it hung up/);
    }
  });
  it('that ends otherwise keeps its own error', async () => {
    const arms = [{ name: 'arm', url: await serve() }];
    const { kept } = await measured(arms, referenceThat('Killed by an operator'));
    expect(kept.get('arm')!.events.at(-1)!.detail).toBe('it hung up');
  });
});

describe('a boot', () => {
  it('reads and tokenises each answer once, however many steps ask for it', async () => {
    vi.mocked(traceOfLines).mockClear();
    vi.mocked(createParser).mockClear();
    const encoded: string[] = [];
    const counting: Tokenizer = {
      ...tokenizer,
      encode: (text) => {
        encoded.push(text);
        return tokenizer.encode(text);
      },
    };
    const { kept } = await measured([{ name: 'arm', url: await serve() }], { tokenizer: counting });
    expect([...kept.keys()]).toEqual(['baseline', 'arm', 'baseline.2']);
    // Three runs of a warm-up and a scored prompt.
    expect(encoded).toEqual(Array.from({ length: 3 * 2 }, () => 'a'));
    expect(traceOfLines).toHaveBeenCalledTimes(3);
    expect(createParser).toHaveBeenCalledTimes(3 * 2);
  });
  it('names who left a GPU in a bad state, and blames nobody who comes after', async () => {
    const states: IdleReceipt[] = ['cool', 'cool', 'Xid 79'].map((detail) => ({
      ok: detail === 'cool',
      detail,
    }));
    let looks = 0;
    const idle = (): Promise<IdleReceipt> => Promise.resolve(states[Math.min(looks++, 2)]!);
    const { kept } = await measured(
      [
        { name: 'bad', url: await serve() },
        { name: 'next', url: await serve() },
      ],
      { idle },
    );
    expect(eventsOf(kept.get('baseline'))).toEqual(['idle']);
    expect(eventsOf(kept.get('bad'))).toEqual(['idle', 'gpu-state']);
    expect(eventsOf(kept.get('next'))).toEqual(['host']);
    expect(kept.get('next')!.events.find(({ name }) => name === 'host')!.detail).toBe(
      'the GPUs are not fit: Xid 79',
    );
  });
  it('does not count the reading of the next image against a server that starts', async () => {
    const slowUntil = (ms: number): (() => boolean) => {
      let firstNs: number | null = null;
      return () => monotonicClock.nowNs() - (firstNs ??= monotonicClock.nowNs()) > ms * 1e6;
    };
    const reading = async () => {
      await monotonicClock.sleep(1500);
      return { name: 'image-policy', detail: 'none' } as const;
    };
    const late = await measured([
      { name: 'late', url: await serve(slowUntil(1800)) },
      { name: 'next', url: await serve(), admit: once(reading) },
    ]);
    expect(eventsOf(late.kept.get('late'))).toEqual([]);
    expect(eventsOf(late.kept.get('next'))).toEqual(['image-policy']);
    const alone = await measured([{ name: 'late', url: await serve(slowUntil(1800)) }]);
    expect(eventsOf(alone.kept.get('late'))).toEqual(['start-timeout']);
  }, 30_000);
  it('ends a server whose answers take three times as long, and keeps what it said', async () => {
    const { kept } = await measured([{ name: 'slow', url: await serve(undefined, 900) }]);
    expect(eventsOf(kept.get('slow'))).toEqual(['too-slow']);
    expect(kept.get('slow')!.requests).toHaveLength(1);
  });
  it('repeats an incumbent’s fault once, and no challenger’s', async () => {
    const gone = 'http://127.0.0.1:1';
    const { kept } = await measured([
      { name: 'winner', url: gone, role: 'incumbent' },
      { name: 'rival', url: gone },
    ]);
    expect([...kept.keys()]).toEqual(['baseline', 'winner', 'winner.2', 'rival', 'baseline.2']);
    expect(eventsOf(kept.get('winner.2'))).toEqual(['start-timeout']);
  });
  it('keeps what was measured before a fault of its own', async () => {
    const { kept, failure } = await measured([
      {
        name: 'broken',
        url: await serve(),
        admit: () => Promise.reject(new Error('a fault of ours')),
      },
    ]);
    expect(failure).toMatchObject({ message: 'a fault of ours' });
    expect([...kept.keys()]).toEqual(['baseline']);
    expect(kept.get('baseline')!.events.at(-1)).toMatchObject({ name: 'reference-failed' });
    expect(kept.get('baseline')!.requests).toHaveLength(2);
  });
});

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | null = null;
  return () => (done ??= work());
}
