// GPUs as an engine with CDI gives them, with devices that stand for them: a server sees those of
// its arena and no others (C16). For engines from 25 on, and as root: npm run test:engine
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../compose/repository.ts';
import { openDocker } from '../../node/docker.ts';
import { parseArena } from '../../schema/arena.ts';
import { type Rig, serverOptions } from '../container-options.ts';
import { gpuAccess, rigOf } from './docker-host.ts';
import { ownerMark, reap } from './engine-host.ts';
import { NODE, toolsImage } from './tools-image.ts';

const SPECS = '/run/cdi';
const arena = parseArena(
  JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')),
  'test',
);
const docker = await openDocker();
const IDS = [
  'GPU-00000000-0000-0000-0000-000000000001',
  'GPU-00000000-0000-0000-0000-000000000002',
];

/** What the toolkit of a machine with two GPUs would write, with /dev/zero for each. */
const spec = {
  cdiVersion: '0.6.0',
  kind: 'nvidia.com/gpu',
  devices: IDS.map((name, i) => ({
    name,
    containerEdits: {
      deviceNodes: [
        { path: `/dev/nvidia${i}`, hostPath: '/dev/zero', type: 'c', major: 1, minor: 5 },
      ],
    },
  })),
};
const SEE = `const { readdirSync, openSync } = require('node:fs');
const seen = readdirSync('/dev').filter((name) => name.startsWith('nvidia'));
for (const name of seen) openSync('/dev/' + name, 'r');
console.log(JSON.stringify({ seen, visible: process.env.NVIDIA_VISIBLE_DEVICES }));`;

describe('GPUs by CDI', () => {
  let image: string;
  let rig: Rig;
  beforeAll(async () => {
    // An engine that found nothing: its folders are listed all the same.
    expect(gpuAccess((await docker.info()) as object, IDS)).toBe('nvidia');
    mkdirSync(SPECS, { recursive: true });
    writeFileSync(join(SPECS, 'nvidia.json'), JSON.stringify(spec));
    await reap(docker);
    image = (await toolsImage(docker, {})).name;
    rig = await rigOf(docker, arena, null);
  });
  afterAll(() => rmSync(join(SPECS, 'nvidia.json'), { force: true }));

  async function seenWith(ids: readonly string[] | null): Promise<unknown> {
    const gpus = ids && ({ by: 'cdi', ids } as const);
    const options = serverOptions(
      { image, args: [NODE, '-e', SEE] },
      arena.sandbox,
      { ...rig, gpus },
      ownerMark(),
    );
    const host = options['HostConfig'] as Record<string, unknown>;
    // A log that can be read; and no unlimited memlock, which takes a right that root in a
    // container of CI's may not have.
    const Ulimits = (host['Ulimits'] as { Name: string }[]).filter(
      ({ Name }) => Name !== 'memlock',
    );
    const HostConfig = { ...host, Ulimits, LogConfig: { Type: 'json-file', Config: {} } };
    const container = await docker.createContainer({ ...options, HostConfig });
    try {
      await container.start();
      await container.wait();
      const output = (await container.logs({ stdout: true, stderr: true })).toString('utf8');
      return JSON.parse(output.slice(output.indexOf('{')));
    } finally {
      await container.remove({ force: true, v: true });
    }
  }

  it('are asked for so where the engine has found every one of them', async () => {
    let info = (await docker.info()) as object;
    // The engine reads its folders again by itself.
    for (let i = 0; gpuAccess(info, IDS) !== 'cdi' && i < 100; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      info = (await docker.info()) as object;
    }
    expect(gpuAccess(info, IDS)).toBe('cdi');
    expect(gpuAccess(info, [...IDS, 'GPU-unknown'])).toBe('nvidia');
  });
  it('are the ones that were asked for, and can be opened', async () => {
    expect(await seenWith([IDS[1]!])).toEqual({ seen: ['nvidia1'], visible: 'void' });
    expect(await seenWith(IDS)).toEqual({ seen: ['nvidia0', 'nvidia1'], visible: 'void' });
  });
  it('are none where none was asked for, whatever the image says', async () => {
    expect(await seenWith(null)).toEqual({ seen: [], visible: 'void' });
  });
});
