// Pins of an arena against a registry and a hub on loopback that speak the same protocols, and misbehave.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../compose/repository.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const SHA = '1'.repeat(40);
/** Books of PG19's form, and the list of the bucket that holds them. */
const BOOKS: Readonly<Record<number, string>> = {
  11: 'It was the best of times, it was the worst of times. '.repeat(100),
  12: 'Call me anything; some years ago, never mind how long. '.repeat(100),
};
const LIST = '/storage/v1/b/deepmind-gutenberg/o?';
const listed = (number: number): object => ({
  name: `test/${number}.txt`,
  size: String(BOOKS[number]!.length),
  md5Hash: createHash('md5').update(BOOKS[number]!).digest('base64'),
});
let swapped = false;
let asked: string[] = [];
let manifestText = '{"schemaVersion": 2}';
let broken: string | null = null;
let server: Server;
let host = '';
let folder = '';

beforeAll(async () => {
  server = createServer((request, response) => {
    const path = request.url!;
    const files: Record<string, string> = {
      '/v2/vllm/vllm/manifests/v1': manifestText,
      '/api/models/Qwen/Tiny': JSON.stringify({ sha: SHA }),
      [`/api/models/Qwen/Tiny/tree/${SHA}?recursive=true`]: JSON.stringify([
        { type: 'file', path: 'model-1.safetensors', size: 9e9, lfs: { oid: 'a'.repeat(64) } },
        { type: 'file', path: 'config.json', size: 2 },
        { type: 'file', path: 'README.md', size: 5 },
        { type: 'file', path: '../../evil.json', size: 5 },
        { type: 'directory', path: 'folder', size: 0 },
      ]),
      [`/Qwen/Tiny/resolve/${SHA}/config.json`]: '{}',
      [`${LIST}prefix=test%2F`]: JSON.stringify({ items: [listed(11)], nextPageToken: 'two' }),
      [`${LIST}prefix=test%2F&pageToken=two`]: JSON.stringify({ items: [listed(12)] }),
      '/deepmind-gutenberg/test/11.txt': BOOKS[11]!,
      '/deepmind-gutenberg/test/12.txt': swapped ? BOOKS[12]!.replace('e', 'a') : BOOKS[12]!,
    };
    asked.push(path);
    if (broken !== null && path.startsWith(broken)) return void response.writeHead(503).end();
    const body = files[path];
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((done) => server.close(done)));

beforeEach(() => {
  manifestText = '{"schemaVersion": 2}';
  broken = null;
  swapped = false;
  asked = [];
  rmSync(folder, { recursive: true, force: true });
  folder = mkdtempSync(join(tmpdir(), 'pin-'));
  const devnet = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;
  const images = { baseline: `${host}/vllm/vllm:v1`, reference: `${host}/vllm/vllm:v1` };
  const corpus = { name: 'pg19', manifestSha256: null };
  writeFileSync(
    join(folder, 'arena.json'),
    JSON.stringify({ ...devnet, images, corpus, calibration: {} }, null, 2).replace(
      '"loopbackImages": true',
      '"loopbackImages":   true',
    ),
  );
  mkdirSync(join(folder, 'corpus'));
  writeFileSync(join(folder, 'corpus/manifest.json'), '{"documents": []}');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Ran = { code: number; pins: Record<string, string>; err: string };
function pinArena(...args: string[]): Promise<Ran> {
  return new Promise((done) =>
    execFile(
      join(ROOT, 'scripts/cacheon'),
      [
        'arena',
        'pin',
        '--json',
        '--arena',
        join(folder, 'arena.json'),
        '--manifests',
        join(folder, 'weights'),
        ...args,
      ],
      {
        env: {
          ...process.env,
          HF_ENDPOINT: `http://${host}`,
          CACHEON_CORPUS_STORE: `http://${host}`,
        },
      },
      (error, out, err) => {
        const { pins = [] } = (out === '' ? {} : JSON.parse(out)) as {
          pins?: { name: string; state: string }[];
        };
        const states = Object.fromEntries(pins.map(({ name, state }) => [name, state]));
        done({ code: error ? Number(error.code) : 0, pins: states, err });
      },
    ),
  );
}
const all = ['--weights', 'Qwen/Tiny', '--corpus'];
const arenaText = (): string => readFileSync(join(folder, 'arena.json'), 'utf8');

describe('cacheon arena pin', () => {
  it('says with --check what is open, and changes nothing', async () => {
    const before = arenaText();
    const { code, pins } = await pinArena('--check', ...all, join(folder, 'corpus'));
    expect(code).toBe(1);
    expect(pins).toEqual({
      ...{ 'images.baseline': 'open', 'images.reference': 'open' },
      ...{ weights: 'open', 'corpus.manifestSha256': 'open' },
    });
    expect(arenaText()).toBe(before);
    expect(existsSync(join(folder, 'weights'))).toBe(false);
  });
  it('writes them, leaves the rest of the file as it was, and finds them the same afterwards', async () => {
    const before = arenaText();
    expect((await pinArena(...all, join(folder, 'corpus'))).code).toBe(0);
    const digest = `sha256:${sha256(manifestText)}`;
    const pinned = arenaText();
    expect(pinned.match(new RegExp(`${host}/vllm/vllm:v1@${digest}`, 'g'))).toHaveLength(2);
    expect(pinned).toContain(`"manifestSha256": "${sha256('{"documents": []}')}"`);
    expect(pinned).toContain('"loopbackImages":   true');
    expect(pinned.split('\n')).toHaveLength(before.split('\n').length);
    expect(readFileSync(join(folder, 'weights/tiny-qwen2.sha256'), 'utf8')).toBe(
      `${sha256('{}')}  config.json\n${'a'.repeat(64)}  model-1.safetensors\n`,
    );
    const again = await pinArena('--check', ...all, join(folder, 'corpus'));
    expect(again.code).toBe(0);
    expect(new Set(Object.values(again.pins))).toEqual(new Set(['same']));
  });
  it('says what has moved since', async () => {
    await pinArena();
    manifestText = '{"schemaVersion": 2, "moved": true}';
    const { code, pins } = await pinArena('--check');
    expect(code).toBe(1);
    expect(pins).toEqual({ 'images.baseline': 'moved', 'images.reference': 'moved' });
  });
  it('fetches the corpus by the list of its bucket, goes on with what is there, and pins it', async () => {
    const corpus = join(folder, 'pg19');
    swapped = true;
    const cut = await pinArena('--corpus', corpus, '--fetch');
    expect(cut).toMatchObject({ code: 3 });
    expect(cut.err).toMatch(/12\.txt: other bytes than the list says/);
    expect(existsSync(join(corpus, '12.txt'))).toBe(false);
    swapped = false;
    asked = [];
    expect((await pinArena('--corpus', corpus, '--fetch')).code).toBe(0);
    expect(asked.filter((path) => path.endsWith('.txt'))).toEqual([
      '/deepmind-gutenberg/test/12.txt',
    ]);
    const manifest = readFileSync(join(corpus, 'manifest.json'), 'utf8');
    const { documents } = JSON.parse(manifest) as { documents: { file: string; sha256: string }[] };
    expect(documents).toEqual(
      [11, 12].map((number) => ({ file: `${number}.txt`, sha256: sha256(BOOKS[number]!) })),
    );
    expect(arenaText()).toContain(`"manifestSha256": "${sha256(manifest)}"`);
    expect(await pinArena('--fetch')).toMatchObject({ code: 2 });
  });
  it.each([
    ['a hub that fails', '/api/models', 3, /HTTP 503/],
    ['a registry that fails', '/v2', 3, /the registry answers 503/],
  ])('writes nothing from %s', async (_, path, code, message) => {
    broken = path;
    const before = arenaText();
    const found = await pinArena('--weights', 'Qwen/Tiny');
    expect(found.code).toBe(code);
    expect(found.err).toMatch(message);
    expect(arenaText()).toBe(before);
  });
});
