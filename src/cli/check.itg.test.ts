// The command check on images in a registry on loopback and on servers on sockets, right and wrong.
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CheckFinding } from '../compose/check-findings.ts';
import { sha256Hex } from '../core/hash.ts';
import { silentLog } from '../core/log.ts';
import { startEngine } from '../devnet/engine/engine-server.ts';
import { buildImage, type Image, layerOf } from '../devnet/registry/image-builder.ts';
import { startRegistry, type Registry } from '../devnet/registry/registry-server.ts';
import { runTree } from './command-line.ts';

type Report = {
  verdict: string | null;
  digest: string | null;
  passed: number;
  failed: number;
  untold: number;
  findings: CheckFinding[];
};
let empty: string;
let arena: string;
let registry: Registry;
const closing: (() => Promise<unknown>)[] = [];
const layer = await layerOf(
  new Map([['/srv/serve', { bytes: Buffer.from('#!/bin/sh\n'), mode: 0o755 }]]),
  true,
);
const START = { Entrypoint: ['/srv/serve'] };
const foreign = buildImage([layer], START, { architecture: 'arm64' });
const index = (platforms: readonly string[]): Image => {
  const entry = (architecture: string) => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: foreign.manifest.digest,
    size: foreign.manifest.bytes.length,
    platform: { os: 'linux', architecture },
  });
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: platforms.map(entry),
    }),
  );
  const digest = `sha256:${sha256Hex(bytes)}`;
  return { manifest: { digest, bytes }, blobs: [] };
};
/** Each image, what its one screen must say, and the rule that it breaks. */
const WRONG: Record<string, readonly [Image, says: RegExp, rule: string]> = {
  arm64: [foreign, /an image for linux\/arm64/, 'Index'],
  'index-without-ours': [index(['arm64', 's390x']), /no image for linux\/amd64/, 'Index'],
  'index-with-two': [index(['amd64', 'amd64']), /2 images for linux\/amd64/, 'Index'],
  volume: [buildImage([layer], { ...START, Volumes: { '/data': {} } }), /\/data/, 'Configuration'],
  onbuild: [buildImage([layer], { ...START, OnBuild: ['RUN x'] }), /ONBUILD/, 'Configuration'],
  preload: [
    buildImage([layer], { ...START, Env: ['LD_PRELOAD=/x.so'] }),
    /LD_PRELOAD/,
    'Environment variables',
  ],
  'no-entrypoint': [buildImage([layer], {}), /no program to start/, 'Configuration'],
  workdir: [
    buildImage([layer], { ...START, WorkingDir: 'srv' }),
    /no absolute path/,
    'Configuration',
  ],
  'diff-ids': [
    buildImage([layer], START, { rootfs: { type: 'layers', diff_ids: [] } }),
    /1 layers, but 0 diff-ids/,
    'Configuration',
  ],
  'foreign-layer': [
    buildImage([{ ...layer, mediaType: 'application/vnd.docker.image.rootfs.foreign' }], START),
    /fetched from elsewhere/,
    'Manifest',
  ],
};
const honest = buildImage([layer], START);
/** The arena's own image: its variables may stand in every other. */
const BASE_ENV = 'LD_LIBRARY_PATH=/usr/local/lib';
const base = buildImage([layer], { Entrypoint: ['/srv/vllm'], Env: [BASE_ENV] });

beforeAll(async () => {
  empty = mkdtempSync(join(tmpdir(), 'check-'));
  const served = Object.entries(WRONG).map(([name, [image]]): [string, Image[]] => [
    name,
    [image, foreign],
  ]);
  registry = await startRegistry(new Map([...served, ['honest', [honest]], ['base', [base]]]));
  const devnet = JSON.parse(readFileSync('src/devnet/arena.json', 'utf8')) as object;
  const baseline = `${registry.host}/base@${base.manifest.digest}`;
  const images = { baseline, reference: baseline };
  arena = join(empty, 'arena.json');
  writeFileSync(arena, JSON.stringify({ ...devnet, images }));
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(async () => {
  await registry.close();
  rmSync(empty, { recursive: true, force: true });
});

async function check(...args: string[]): Promise<{ code: number; report: Report }> {
  const parts: string[] = [];
  const code = await runTree(['check', '--arena', arena, ...args, '--repo', empty, '--json'], {
    json: true,
    log: silentLog,
    version: '',
    write: (text) => void parts.push(text),
  });
  return { code, report: JSON.parse(parts.join('')) as Report };
}
const failing = ({ findings }: Report): CheckFinding[] =>
  findings.filter(({ state }) => state === 'fail');

describe('an image in its registry', () => {
  it.each(Object.keys(WRONG))('names the fault of %s, its mend and its rule', async (name) => {
    const [image, says, rule] = WRONG[name]!;
    const { code, report } = await check(`${registry.host}/${name}@${image.manifest.digest}`);
    expect(code).toBe(1);
    expect(failing(report)).toMatchObject([{ verdict: 'E_IMAGE_POLICY', rule }]);
    const [{ detail, mend }] = failing(report) as [CheckFinding];
    expect(detail).toMatch(says);
    expect(mend).not.toBeNull();
  });
  it('names every fault of an image that has several', async () => {
    const many = buildImage([layer], { OnBuild: ['x'], Volumes: { '/d': {} }, WorkingDir: 'd' });
    const other = await startRegistry(new Map([['many', [many]]]));
    closing.push(() => other.close());
    const { report } = await check(`${other.host}/many@${many.manifest.digest}`);
    expect(failing(report)).toHaveLength(4);
  });
  it('finds nothing wrong with an honest one, and says what it could not tell', async () => {
    const { code, report } = await check(`${registry.host}/honest@${honest.manifest.digest}`);
    expect([code, report.failed, report.verdict]).toEqual([0, 0, null]);
    const untold = report.findings.filter(({ state }) => state === 'skip');
    expect(untold.map(({ name }) => name)).toEqual(['copies', 'server']);
    for (const { mend } of untold) expect(mend).not.toBe('');
  });
  it('lets variables stand that the baseline has too, and says where it could not ask', async () => {
    const same = buildImage([layer], { ...START, Env: [BASE_ENV] });
    const other = await startRegistry(new Map([['same', [same]]]));
    closing.push(() => other.close());
    const name = `${other.host}/same:latest`;
    expect(await check(name)).toMatchObject({ code: 0, report: { failed: 0 } });
    const alone = await check(name, '--arena', 'src/devnet/arena.json');
    const asked = alone.report.findings.find(({ name: line }) => line === 'image policy');
    expect([alone.code, asked?.state]).toEqual([0, 'skip']);
  });
  it('turns a tag into the digest that is to be committed', async () => {
    const { report } = await check(`${registry.host}/honest:latest`);
    expect(report.digest).toBe(honest.manifest.digest);
  });
  it('tells an image that is not there from a registry that is not', async () => {
    const gone = await check(`${registry.host}/nobody:latest`);
    expect([gone.code, gone.report.verdict]).toEqual([1, 'INFRA_REGISTRY']);
    expect(failing(gone.report)[0]!.mend).toMatch(/public/);
    const silent = await check('127.0.0.1:1/nobody:latest');
    expect([silent.code, silent.report.failed]).toEqual([3, 0]);
  });
  it('refuses names that no validator would ask', async () => {
    for (const [name, verdict] of [
      ['http-host.internal/x', 'E_REF_HOST'],
      ['10.0.0.1/x', 'E_REF_HOST'],
      ['UPPER/Case', 'E_REF'],
      ['ghcr.io/x@sha256:12', 'E_REF'],
    ] as const)
      expect((await check(name)).report.verdict).toBe(verdict);
  });
});

/** A server that answers as it is told to. */
async function serve(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(resolve);
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const healthy =
  (answer: RequestListener): RequestListener =>
  (request, response) => {
    if (request.url === '/health') response.end();
    else answer(request, response);
  };
const event = (choice: object): string => `data: ${JSON.stringify({ choices: [choice] })}\n\n`;
const stream =
  (...events: string[]): RequestListener =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(events.join(''));
  };
const word = event({ delta: { content: 'word' } });

describe('a running server', () => {
  it.each(['plain', 'fast', 'speculative', 'burst'])('has nothing against %s', async (variant) => {
    const engine = await startEngine({ variant });
    closing.push(() => engine.close());
    const { code, report } = await check(engine.url);
    expect([code, failing(report)]).toEqual([0, []]);
    expect(report.passed).toBeGreaterThanOrEqual(6);
  });
  it.each([
    ['another model name', (_, response) => void response.writeHead(404).end(), 'E_API', /model/],
    [
      'no logprobs',
      stream(word, event({ finish_reason: 'stop' }), 'data: [DONE]\n\n'),
      'E_API',
      /logprobs/,
    ],
    ['no end', stream(word), 'E_STREAM', /DONE/],
    ['no JSON', stream('data: word\n\n', 'data: [DONE]\n\n'), 'E_CONTENT', /finish_reason/],
    [
      'an error event',
      stream('data: {"error":{"message":"x"}}\n\n', 'data: [DONE]\n\n'),
      'E_API',
      /./,
    ],
  ] satisfies [string, RequestListener, string, RegExp][])(
    'names the fault of one with %s',
    async (_, answer, verdict, mend) => {
      const { code, report } = await check(await serve(healthy(answer)));
      expect([code, report.verdict]).toEqual([1, verdict]);
      expect(failing(report)[0]!.mend).toMatch(mend);
    },
  );
  it('names answers that end without a reason, and too short', async () => {
    const logprobs = {
      content: [{ token: 'word', logprob: 0, top_logprobs: [{ token: 'word', logprob: 0 }] }],
    };
    const said = event({ delta: { content: 'word' }, logprobs });
    const mute = await check(await serve(healthy(stream(said, 'data: [DONE]\n\n'))));
    expect(failing(mute.report)[0]).toMatchObject({ name: 'ends', verdict: 'E_GATE' });
    const short = stream(said, event({ finish_reason: 'length' }), 'data: [DONE]\n\n');
    const { report } = await check(await serve(healthy(short)));
    expect(failing(report)[0]).toMatchObject({ name: 'lengths', verdict: 'E_GATE' });
  });
  it('waits seconds for a server by URL, not the deadline of a start', async () => {
    const began = Date.now();
    const { code, report } = await check('http://127.0.0.1:1', '--arena', '.github/arena.json');
    expect([code, report.verdict]).toEqual([1, 'E_START_TIMEOUT']);
    expect(failing(report)[0]!.mend).toContain('start the server first');
    expect(Date.now() - began).toBeLessThan(30_000);
  });
  it('refuses what it cannot ask', async () => {
    await expect(check('https://example.com')).rejects.toThrow('plain HTTP');
    await expect(check('http://127.0.0.1:1', '--run')).rejects.toThrow('runs already');
    await expect(check('a', 'b')).rejects.toThrow();
    await expect(check('ghcr.io/x/y', '--hotkey', 'me')).rejects.toThrow('ss58');
  });
});
