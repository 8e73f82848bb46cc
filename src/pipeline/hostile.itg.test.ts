// Hostile servers H01 to H45 against the real client in its own
// process, through health, load, trace and judging. Those that need a container are in
// docker/docker.itg.test.ts. Each must end within 10 s and within 256 MB of the client's memory.
import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../compose/repository.ts';
import { silentLog } from '../core/log.ts';
import { startEngine, type TinyEngine } from '../devnet/engine/engine-server.ts';
import type { ArmVerdict } from '../judge/arm.ts';
import { type ArmReading, readArm } from '../judge/arm-reading.ts';
import { readBoot } from '../judge/boot.ts';
import { ttftNs } from '../judge/timing.ts';
import { runArm } from '../measure/arm-run.ts';
import type { Engine, EngineRuntime } from '../measure/engine.ts';
import { openSidecar } from '../measure/io/measuring-sidecar.ts';
import { processSidecar } from '../measure/io/sidecar-process.ts';
import { addressOf, urlRuntime } from '../measure/io/url-runtime.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
import { generatedCorpus } from '../prompts/corpus.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { drawSuite } from '../prompts/sampler.ts';
import { poolsOf } from '../prompts/suites.ts';
import { parseArena } from '../schema/arena.ts';
import type { Prompt } from '../schema/prompt.ts';
import { parseTrace, traceLine } from '../schema/trace.ts';
import type { Arm } from './evaluate/boot-parts.ts';
import { measureBoot } from './evaluate/boot-run.ts';

const MAX_SECONDS = 10;
const MAX_BYTES = 256 * 1024 * 1024;
const base = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;
const arena = parseArena(
  {
    ...base,
    deadlines: { start: 1, connect: 0.5, firstByte: 0.8, interChunk: 0.7, request: 2 },
    warmupPrompts: 1,
    scoredPrompts: 1,
  },
  'test',
);
const patient = parseArena({ ...base, scoredPrompts: 3, driftLimit: 10 }, 'test');
const tokenizer = loadTokenizer(arena.tokenizer, ROOT);
const suite = (scored: number): Prompt[] =>
  drawSuite(generatedCorpus(), tokenizer, {
    seed: new Uint8Array(32).fill(9),
    shard: 0,
    boot: 1,
    warmups: 1,
    scored,
    inputTokens: arena.inputTokens,
    systemMessage: arena.model.systemMessage,
    chatTemplate: 'chatml',
  });

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n';
const OPEN = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
const chunk = (text: string | Buffer): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ]);
};
const CLOSE = '0\r\n\r\n';
const DONE = 'data: [DONE]\n\n';
const top = [{ token: 'a', logprob: -0.1, bytes: [97] }];
const event = (content: string, more: object = {}): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null, logprobs: { content: [{ ...top[0], top_logprobs: top }] }, ...more }] })}\n\n`;
const END = event('', { finish_reason: 'stop', logprobs: null });
const HONEST = event('one') + event(' two') + event(' three') + END + DONE;
const answerOf = (text: string): string => OPEN + chunk(text).toString('latin1') + CLOSE;

type Ask = {
  readonly socket: Socket;
  readonly nth: number;
  readonly head: string;
  readonly body: string;
};
type Behaviour = (ask: Ask) => void;
const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
  sockets.clear();
});

/** A raw server: healthy, and `behave` gets every chat request. */
async function hostile(
  behave: Behaviour,
  healthy = true,
): Promise<{ url: string; connections: () => number; heads: string[] }> {
  let nth = 0;
  let connections = 0;
  const heads: string[] = [];
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = text.slice(0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      const body = text.slice(end + 4, end + 4 + length);
      text = '';
      heads.push(head);
      if (head.startsWith('GET /health'))
        socket.write(
          healthy
            ? 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
            : 'HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n',
        );
      else behave({ socket, nth: nth++, head, body });
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    heads,
  };
}

/** One arm against a URL, with what the client's process used at most. */
async function runAgainst(url: string): Promise<{
  arm: ArmReading;
  verdict: string;
  reason: string;
  peakBytes: number;
  seconds: number;
}> {
  let peakBytes = 0;
  const runtime: EngineRuntime = {
    start: async (): Promise<Engine> => {
      const channel = processSidecar();
      const kill = async (): Promise<void> => {
        const status = readFileSync(`/proc/${channel.pid}/status`, 'latin1');
        peakBytes = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
        await channel.kill();
      };
      const client = await openSidecar({ ...channel, kill }, addressOf(url), arena);
      return {
        image: url,
        connect: () => Promise.resolve(client),
        exited: () => null,
        ended: new Promise(() => undefined),
        stop: () => Promise.resolve(),
        log: () => null,
      };
    },
  };
  const began = monotonicClock.nowNs();
  const header = {
    role: 'challenger',
    key: null,
    seed: '0x',
    shard: 0,
    boot: 1,
    run: 1,
    startedAt: '',
  } as const;
  const { lines } = await runArm(
    { clock: monotonicClock, runtime },
    { arena, target: { kind: 'url', url }, header, prompts: suite(1), allowance: null, beganNs: 0 },
  );
  const arm = readArm(parseTrace(lines.map(traceLine).join(''), 'test'), {
    arena,
    tokenizer,
    prompts: poolsOf(suite(1)),
  });
  return {
    arm,
    verdict: arm.fault?.verdict ?? 'no fault',
    reason: arm.fault?.reason ?? '',
    peakBytes,
    seconds: (monotonicClock.nowNs() - began) / 1e9,
  };
}

async function expectVerdict(
  behave: Behaviour,
  verdict: string,
  healthy = true,
): Promise<ArmReading> {
  const { url } = await hostile(behave, healthy);
  const result = await runAgainst(url);
  expect(`${result.verdict} ${result.verdict === verdict ? '' : result.reason}`.trim()).toBe(
    verdict,
  );
  expect(result.seconds).toBeLessThan(MAX_SECONDS);
  expect(result.peakBytes).toBeLessThan(MAX_BYTES);
  expect(result.peakBytes).toBeGreaterThan(0);
  return result.arm;
}
const sends =
  (text: string | Buffer): Behaviour =>
  ({ socket }) =>
    void socket.write(text);
const drip = (socket: Socket, text: string | Buffer, everyMs: number): void => {
  const timer = setInterval(
    () => (socket.destroyed ? clearInterval(timer) : socket.write(text)),
    everyMs,
  );
};
/** Writes without end, as fast as the other side takes it. */
const flood = (socket: Socket, block: Buffer): void => {
  const more = (): void => {
    while (!socket.destroyed && socket.write(block));
  };
  socket.on('drain', more);
  more();
};

describe('hostile servers, lifecycle', () => {
  it('H01 never opens its port', async () => {
    const result = await runAgainst('http://127.0.0.1:1');
    expect(result.verdict).toBe('E_START_TIMEOUT');
    expect(result.seconds).toBeLessThan(MAX_SECONDS);
  });
  it('H02 is healthy, and its API is not there', () =>
    expectVerdict(sends('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'), 'E_API'));
  it('an endless 503 at health is a start timeout', () =>
    expectVerdict(sends(answerOf(HONEST)), 'E_START_TIMEOUT', false));
});

describe('hostile servers, HTTP', () => {
  it('H11 sends headers without end', () =>
    expectVerdict(
      ({ socket }) => void socket.write(`${HEAD}x: ${'a'.repeat(20_000)}\r\n\r\n`),
      'E_HTTP_LIMIT',
    ));
  it('H12 drips its headers', () =>
    expectVerdict(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      drip(socket, 'x: y\r\n', 100);
    }, 'E_TIMEOUT'));
  it('H13 floods with 103', () =>
    expectVerdict(
      ({ socket }) => flood(socket, Buffer.from('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100))),
      'E_HTTP_LIMIT',
    ));
  it('H14 switches protocols unasked, within a second', async () => {
    const began = monotonicClock.nowNs();
    await expectVerdict(
      sends('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
      'E_HTTP_PROTO',
    );
    expect(monotonicClock.nowNs() - began).toBeLessThan(1.5e9);
  });
  it('H15 redirects to a canary, which is never asked', async () => {
    const canary = await hostile(() => undefined);
    await expectVerdict(
      sends(`HTTP/1.1 302 Found\r\nLocation: ${canary.url}/\r\nContent-Length: 0\r\n\r\n`),
      'E_HTTP_PROTO',
    );
    expect(canary.connections()).toBe(0);
  });
  it('H16 sends a gzip bomb, or any encoding', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    await expectVerdict(({ socket }) => {
      socket.write(`${HEAD}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`);
      socket.write(bomb);
    }, 'E_HTTP_PROTO');
    await expectVerdict(
      sends(`${HEAD}Content-Encoding: br\r\nTransfer-Encoding: chunked\r\n\r\n${CLOSE}`),
      'E_HTTP_PROTO',
    );
  });
  it('H17 gives two lengths', async () => {
    await expectVerdict(
      sends(`${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${CLOSE}`),
      'E_HTTP_PROTO',
    );
    await expectVerdict(
      sends(`${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`),
      'E_HTTP_PROTO',
    );
  });
  it('H18 sends a bad chunk size, or a chunk extension of 10 MB', async () => {
    await expectVerdict(sends(`${OPEN}zz\r\nhello\r\n`), 'E_HTTP_PROTO');
    await expectVerdict(({ socket }) => {
      socket.write(`${OPEN}5;`);
      flood(socket, Buffer.alloc(64 * 1024, 'x'));
    }, 'E_HTTP_PROTO');
    await expectVerdict(sends(`${OPEN}5\r\nhelloXX\r\n0\r\n\r\n`), 'E_HTTP_PROTO');
  });
  it('H19 sends a short body', () =>
    expectVerdict(
      ({ socket }) => void socket.end(`${HEAD}Content-Length: 500\r\n\r\nshort`),
      'E_STREAM',
    ));
  it('H20 sends bytes after Content-Length, at once or later', async () => {
    const whole = `${HEAD}Content-Length: ${Buffer.byteLength(HONEST)}\r\n\r\n${HONEST}`;
    await expectVerdict(sends(`${whole}HTTP/1.1 200 OK\r\n\r\n`), 'E_HTTP_PROTO');
    await expectVerdict(({ socket, nth }) => {
      socket.write(whole, () => {
        if (nth === 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno');
      });
    }, 'E_HTTP_PROTO');
  });
  it('H21 sends a body without end', () =>
    expectVerdict(({ socket }) => {
      socket.write(OPEN);
      flood(socket, chunk(`: ${'x'.repeat(60_000)}\n`));
    }, 'E_HTTP_LIMIT'));
  it('H22 resets in mid-stream', () =>
    expectVerdict(({ socket }) => {
      socket.write(Buffer.concat([Buffer.from(OPEN), chunk(event('one'))]));
      setTimeout(() => socket.resetAndDestroy(), 30);
    }, 'E_STREAM'));
  it('H24 answers 503 to what costs', () =>
    expectVerdict(
      ({ socket, nth }) =>
        void socket.write(
          nth === 0 ? answerOf(HONEST) : 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n',
        ),
      'E_API',
    ));
  it('H25 trickles a byte at a time', () =>
    expectVerdict(({ socket }) => {
      socket.write(OPEN);
      drip(socket, chunk('x'), 500);
    }, 'E_TIMEOUT'));
  it('H26 closes the connection after each answer: legal, and its cost is its own', async () => {
    const { url, connections } = await hostile(({ socket }) => void socket.end(answerOf(HONEST)));
    const result = await runAgainst(url);
    expect(result.verdict).toBe('no fault');
    expect(connections()).toBeGreaterThan(2);
  });
  it('H27 speaks HTTP/0.9, or SSH', async () => {
    await expectVerdict(sends('<html>hello</html>'), 'E_HTTP_PROTO');
    await expectVerdict(sends('SSH-2.0-OpenSSH_9.0\r\n'), 'E_HTTP_PROTO');
  });
  it('H28 sends a line of 100 MB, which costs less than a second of a core', async () => {
    const began = process.cpuUsage();
    await expectVerdict(({ socket }) => {
      socket.write(`${HEAD}Content-Length: 100000000\r\n\r\ndata: `);
      flood(socket, Buffer.alloc(64 * 1024, 'x'));
    }, 'E_HTTP_LIMIT');
    expect(process.cpuUsage(began).user).toBeLessThan(3e6); // of this process, which floods too
  });
});

describe('hostile servers, content', () => {
  const streams =
    (text: string | Buffer): Behaviour =>
    ({ socket }) =>
      void socket.write(Buffer.concat([Buffer.from(OPEN), chunk(text), Buffer.from(CLOSE)]));

  it('an honest answer has no fault', () => expectVerdict(streams(HONEST), 'no fault'));
  it('A16 pads an answer with comments: a mebibyte of them is the most that goes into git', async () => {
    const comments = `: ${'x'.repeat(1000)}\n\n`;
    await expectVerdict(streams(comments.repeat(100) + HONEST), 'no fault');
    await expectVerdict(streams(comments.repeat(1100) + HONEST), 'E_HTTP_LIMIT');
  });
  it('H29 never says [DONE]', () => expectVerdict(streams(event('one') + END), 'E_STREAM'));
  it('H30 goes on after [DONE], or finishes twice', async () => {
    await expectVerdict(streams(HONEST + event('more')), 'E_CONTENT');
    await expectVerdict(streams(event('one') + END + END + DONE), 'E_CONTENT');
  });
  it('H31 sends an empty first chunk: the first real token counts', async () => {
    const arm = await expectVerdict(({ socket }) => {
      socket.write(Buffer.concat([Buffer.from(OPEN), chunk(event(''))]));
      setTimeout(() => socket.write(Buffer.concat([chunk(HONEST), Buffer.from(CLOSE)])), 150);
    }, 'no fault');
    for (const { answer, sentNs } of arm.answers.values())
      expect(
        ttftNs(
          { ...answer, sentNs },
          { k: answer.arrivalsNs.length, paceCapNs: Infinity },
          arena.scoring,
        ),
      ).toBeGreaterThan(140e6);
  });
  it('H32 pads with zero-width characters: our tokenizer counts', async () => {
    const arm = await expectVerdict(
      streams(event('\u200b'.repeat(8)) + event('word') + END + DONE),
      'no fault',
    );
    for (const { answer } of arm.answers.values())
      expect(answer.canonicalIds).toEqual(tokenizer.encode(`${'\u200b'.repeat(8)}word`));
    // More text than max_tokens can hold is over a limit, not a longer answer.
    await expectVerdict(streams(event('\u200b'.repeat(100_000)) + END + DONE), 'E_HTTP_LIMIT');
  });
  it('H33 claims ten times the usage', async () => {
    const usage =
      'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":5000,"total_tokens":5001}}\n\n';
    const arm = await expectVerdict(streams(event('one') + END + usage + DONE), 'no fault');
    for (const { answer } of arm.answers.values())
      expect(answer.arrivalsNs).toHaveLength(tokenizer.encode('one').length);
  });
  it('H34 breaks UTF-8; a code point in two chunks is whole', async () => {
    await expectVerdict(
      streams(
        Buffer.concat([Buffer.from('data: "'), Buffer.from([0xff, 0xfe]), Buffer.from('"\n\n')]),
      ),
      'E_CONTENT',
    );
    const bytes = Buffer.from(event('né') + END + DONE);
    const cut = bytes.indexOf(0xc3) + 1;
    await expectVerdict(({ socket }) => {
      socket.write(Buffer.concat([Buffer.from(OPEN), chunk(bytes.subarray(0, cut))]));
      setTimeout(
        () => socket.write(Buffer.concat([chunk(bytes.subarray(cut)), Buffer.from(CLOSE)])),
        20,
      );
    }, 'no fault');
  });
  it('H35 nests too deep, repeats keys, sets __proto__', async () => {
    await expectVerdict(
      streams(`data: ${'['.repeat(100_000)}${']'.repeat(100_000)}\n\n`),
      'E_CONTENT',
    );
    await expectVerdict(streams('data: {"choices":[],"choices":[]}\n\n'), 'E_CONTENT');
    await expectVerdict(
      streams(`data: {"__proto__":{"polluted":1},"choices":[]}\n\n${HONEST}`),
      'no fault',
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
  it('H36 uses numbers that are none', async () => {
    for (const number of ['1e999', 'NaN', '-Infinity'])
      await expectVerdict(
        streams(
          `data: {"choices":[{"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":${number}}]}}]}\n\n${DONE}`,
        ),
        'E_CONTENT',
      );
    await expectVerdict(
      streams(
        `data: {"choices":[{"delta":{"content":"a"},"token_ids":[9007199254740993]}]}\n\n${DONE}`,
      ),
      'E_CONTENT',
    );
  });
  it('H40 forges Date and created: no effect', async () => {
    const forged = HONEST.replaceAll('{"choices"', '{"created":1,"choices"');
    await expectVerdict(
      sends(
        `${HEAD}Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(forged).toString()}${CLOSE}`,
      ),
      'no fault',
    );
  });
  it('H42 writes workflow commands and escape codes into its answer: they stay data', async () => {
    const text = '::set-env name=PATH::/evil\n\u001b[2J::add-mask::x';
    const arm = await expectVerdict(streams(event(text) + END + DONE), 'no fault');
    for (const { answer } of arm.answers.values()) expect(answer.text).toBe(text);
  });
  it('H44 sees nothing in our headers but what it must', async () => {
    const { url, heads } = await hostile(streams(HONEST));
    await runAgainst(url);
    const names = new Set(
      heads
        .flatMap((head) => head.split('\r\n').slice(1))
        .map((line) => line.split(':')[0]!.toLowerCase()),
    );
    expect([...names].sort()).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'content-length',
      'content-type',
      'host',
    ]);
  });
  it('H45 takes connections and says nothing: one at a time is opened, and time ends it', async () => {
    const { url, connections } = await hostile(() => undefined);
    const result = await runAgainst(url);
    expect(result.verdict).toBe('E_TIMEOUT');
    expect(connections()).toBeLessThanOrEqual(2);
  });
});

describe('hostile servers, answers', () => {
  let honest: TinyEngine;
  let other: TinyEngine;
  beforeAll(async () => {
    honest = await startEngine({ variant: 'fast' });
    other = await startEngine({ variant: 'other-weights' });
  });
  afterAll(async () => {
    await honest.close();
    await other.close();
  });

  /** Judges a proxy before honest engines: the cheat controls its requests and answers. */
  async function judged(
    cheat: (nth: number, body: string) => Promise<string>,
    delayMs = 0,
  ): Promise<ArmVerdict> {
    const proxy = await hostile(({ socket, nth, body }) => {
      void cheat(nth, body).then((text) =>
        setTimeout(
          () => socket.write(Buffer.concat([Buffer.from(OPEN), chunk(text), Buffer.from(CLOSE)])),
          nth === 0 ? 0 : delayMs,
        ),
      );
    });
    const prompts = suite(3);
    const arms: Arm[] = [
      {
        name: 'challenger',
        role: 'challenger',
        key: null,
        target: { kind: 'url', url: proxy.url },
      },
    ];
    const target = { kind: 'url', url: honest.url } as const;
    const traces = await measureBoot(
      {
        clock: monotonicClock,
        runtime: urlRuntime(patient),
        tokenizer,
        log: silentLog,
        keep: () => undefined,
        now: () => '',
      },
      patient,
      {
        seed: '0x',
        beganNs: 0,
        shard: 0,
        boot: 1,
        prompts,
        pools: poolsOf(prompts),
        baseline: target,
        reference: target,
        arms,
      },
    );
    const find = (name: string, run: number) =>
      traces.get(`traces/0/1/${name}${run === 1 ? '' : `.${run}`}.ndjson.gz`) ?? null;
    return readBoot({
      given: find,
      context: { arena: patient, tokenizer, prompts: poolsOf(prompts) },
      place: 'test',
      belongs: () => true,
    }).judge({ name: 'challenger', incumbent: false })!;
  }
  const ask = async (engine: TinyEngine, body: string): Promise<string> =>
    await (await fetch(`${engine.url}/v1/chat/completions`, { method: 'POST', body })).text();

  it('an honest proxy is VALID', async () =>
    expect(await judged((_, body) => ask(honest, body))).toMatchObject({ verdict: 'VALID' }));
  it('H10 is fast while it warms up and slow later: the scored window counts', async () => {
    const verdict = await judged((_, body) => ask(honest, body), 100);
    expect(verdict).toMatchObject({ verdict: 'VALID', score: 0 });
    expect(verdict.summary!.ttftNs).toBeGreaterThan(100e6);
  });
  it('H23 swaps the answers of two requests', async () => {
    const bodies: string[] = [];
    const swapped = await judged((nth, body) => {
      bodies.push(body);
      return ask(honest, nth < 2 ? body : bodies[nth - 1]!);
    });
    expect(swapped).toMatchObject({ verdict: 'E_GATE' });
  });
  it('H37 replays a remembered answer', async () => {
    let memo: string | null = null;
    const replayed = await judged(async (nth, body) =>
      nth === 0 ? await ask(honest, body) : (memo ??= await ask(honest, body)),
    );
    expect(replayed).toMatchObject({ verdict: 'E_GATE' });
  });
  it('H38 ends early', async () => {
    const early = await judged(async (nth, body) => {
      const text = await ask(honest, body);
      if (nth === 0) return text;
      const events = text.split('\n\n');
      const stop = events
        .slice(4, 5)
        .map((line) => line.replace('"finish_reason":null', '"finish_reason":"stop"'));
      return [...events.slice(0, 4), ...stop, 'data: [DONE]', ''].join('\n\n');
    });
    expect(early).toMatchObject({ verdict: 'E_GATE' });
    expect(early.reason).toContain('where the model would not have ended it');
  });
  it('H39 switches the model once it believes that nobody looks', async () => {
    expect(await judged((nth, body) => ask(nth < 2 ? honest : other, body))).toMatchObject({
      verdict: 'E_GATE',
    });
  });
});
