// The command check --run on images that break in a validator's sandbox, each in its own way.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckFinding } from '../compose/check-findings.ts';
import { ROOT } from '../compose/repository.ts';
import { silentLog } from '../core/log.ts';
import { type EngineRegistry, serveEngineImages } from '../devnet/registry/engine-images.ts';
import { buildImage, type Image, layerOf } from '../devnet/registry/image-builder.ts';
import { startRegistry, type Registry } from '../devnet/registry/registry-server.ts';
import { openDocker } from '../node/docker.ts';
import { libraries, NODE } from '../sandbox/io/tools-image.ts';
import { runTree } from './command-line.ts';

const docker = await openDocker().catch(() => null);
const folder = mkdtempSync(join(tmpdir(), 'check-run-'));
const arena = join(folder, 'arena.json');
let engines: EngineRegistry | null = null;
let registry: Registry | null = null;
const digests = new Map<string, string>();

/** What an image runs, and what the screen must say of it: verdict, fault and mend. */
type Broken = {
  readonly start: readonly string[];
  readonly code?: string;
  readonly mode?: number;
  readonly verdict: string;
  readonly says: RegExp;
  readonly mend: RegExp;
};
const APP = '/srv/serve.mjs';
const BROKEN: Record<string, Broken> = {
  'a download at start': {
    start: [NODE, APP],
    code: `import { lookup } from 'node:dns/promises'; await lookup('huggingface.co');`,
    ...{ verdict: 'E_EXIT', says: /reaches for the network/, mend: /nothing leaves the sandbox/ },
  },
  'a write to its root': {
    start: [NODE, APP],
    code: `import { writeFileSync } from 'node:fs'; writeFileSync('/srv/cache', 'x');`,
    ...{ verdict: 'E_EXIT', says: /read-only root/, mend: /write to \/tmp or \/cache/ },
  },
  'a program that only root may read': {
    start: [NODE, APP],
    ...{ code: '', mode: 0o600 },
    ...{ verdict: 'E_EXIT', says: /uid 10001 may not/, mend: /world-readable/ },
  },
  'a script without its #! line': {
    start: [APP],
    ...{ code: 'exec serve\n', mode: 0o755 },
    ...{ verdict: 'E_EXIT', says: /not there/, mend: /begin scripts with #!/ },
  },
};

async function imageOf({ start, code = '', mode = 0o644 }: Broken): Promise<Image> {
  const files = new Map([
    ...libraries(process.execPath),
    [NODE, { bytes: readFileSync(process.execPath), mode: 0o755 }] as const,
  ]);
  const own = new Map([[APP, { bytes: Buffer.from(code), mode }]]);
  return buildImage([await layerOf(files, false), await layerOf(own, true)], { Entrypoint: start });
}

beforeAll(async () => {
  if (!docker) return;
  engines = await serveEngineImages(ROOT);
  const served = new Map<string, Image[]>();
  for (const [index, broken] of Object.values(BROKEN).entries())
    served.set(`broken${index}`, [await imageOf(broken)]);
  registry = await startRegistry(served);
  for (const [index, name] of Object.keys(BROKEN).entries())
    digests.set(
      name,
      `${registry.host}/broken${index}@${served.get(`broken${index}`)![0]!.manifest.digest}`,
    );
  const plain = engines.of('plain');
  const baseline = `${plain.image}@${plain.digest}`;
  const devnet = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;
  const images = { baseline, reference: baseline };
  writeFileSync(arena, JSON.stringify({ ...devnet, images }));
});
afterAll(async () => {
  await engines?.close();
  await registry?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function check(
  image: string,
): Promise<{ code: number; failing: CheckFinding[]; findings: CheckFinding[] }> {
  const parts: string[] = [];
  const args = ['check', image, '--run', '--arena', arena, '--repo', folder, '--json'];
  const code = await runTree(args, {
    ...{ json: true, log: silentLog, version: '' },
    write: (text) => void parts.push(text),
  });
  const { findings } = JSON.parse(parts.join('')) as { findings: CheckFinding[] };
  return { code, findings, failing: findings.filter(({ state }) => state === 'fail') };
}

describe.skipIf(docker === null)('an image that is started as a validator starts it', () => {
  it.each(Object.keys(BROKEN))('names the fault of %s, and its mend', async (name) => {
    const { verdict, says, mend } = BROKEN[name]!;
    const { code, failing } = await check(digests.get(name)!);
    expect([code, failing.map((one) => one.verdict)]).toEqual([1, [verdict]]);
    expect(failing[0]!.detail).toMatch(says);
    expect(failing[0]!.mend).toMatch(mend);
  });
  it('has nothing against an honest one', async () => {
    const { image, digest } = engines!.of('plain');
    const { code, failing, findings } = await check(`${image}@${digest}`);
    expect([code, failing]).toEqual([0, []]);
    const passed = findings.filter(({ state }) => state === 'ok').map(({ name }) => name);
    expect(passed).toEqual(
      expect.arrayContaining(['contents', 'start', 'sandbox', 'logprobs', 'greedy']),
    );
  });
});
