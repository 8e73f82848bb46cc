// The script gpu-setup.sh: each step in a root of its own, with stand-ins for what this machine lacks.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sandbox } from '../schema/arena-parts.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const script = join(ROOT, 'scripts/gpu-setup.sh');
const DIGEST = `sha256:${'a'.repeat(64)}`;
const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

let folder: string;
let bin: string;
let root: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'setup-'));
  bin = join(folder, 'bin');
  root = join(folder, 'root');
  mkdirSync(bin);
  put(join(root, 'etc/os-release'), 'ID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n');
  const images = {
    baseline: `docker.io/vllm/vllm-openai@${DIGEST}`,
    reference: `docker.io/vllm/vllm-openai@${DIGEST}`,
  };
  arena({ images });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(path: string, text: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
function arena(more: object): void {
  put(
    join(folder, 'arena.json'),
    JSON.stringify({
      model: { name: 'Model', path: '/models/Model' },
      corpus: 'generated',
      ...more,
    }),
  );
}
/** A command of this name that runs a shell script in place of the real one. */
function stub(name: string, text: string): void {
  writeFileSync(join(bin, name), `#!/bin/bash\necho "${name} $*" >>${folder}/asked\n${text}\n`);
  chmodSync(join(bin, name), 0o755);
}
const asked = (): string =>
  existsSync(join(folder, 'asked')) ? readFileSync(join(folder, 'asked'), 'utf8') : '';

type Ran = { code: number; out: string; err: string };
function setup(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const own = { CACHEON_SETUP_PREFIX: root, ARENA: join(folder, 'arena.json') };
  return new Promise((done) =>
    execFile(
      'bash',
      [script, ...args],
      { env: { ...process.env, PATH: `${bin}:${process.env['PATH']!}`, ...own, ...env } },
      (error, out, err) => done({ code: error ? Number(error.code) : 0, out, err }),
    ),
  );
}
const good = (): void => {
  stub('timedatectl', 'echo yes');
  stub('docker', 'case $1 in version) echo 29.1.0;; esac');
  stub(
    'nvidia-smi',
    'case "$*" in *driver_version*) echo 580.159.04;; *persistence*) echo Enabled;; esac',
  );
  stub(
    'nvidia-ctk',
    '[ "$1" = --version ] && echo "NVIDIA Container Toolkit CLI version 1.19.2"; exit 0',
  );
  put(
    join(root, 'etc/nvidia-container-runtime/config.toml'),
    'accept-nvidia-visible-devices-envvar-when-unprivileged = false\n',
  );
  put(join(root, 'etc/cdi/nvidia.yaml'), 'cdiVersion: 0.5.0\n');
};

describe('gpu-setup.sh --check', () => {
  it('has one line a requirement, and a mend for each that is missing, and changes nothing', async () => {
    stub('docker', 'exit 1');
    stub('nvidia-smi', 'exit 9');
    stub('apt-get', 'exit 0');
    const { code, out } = await setup(['--check']);
    expect(code).toBe(1);
    const steps = [...out.matchAll(/^(?:ok|FAIL)\s+(\w+)/gm)].map(([, step]) => step);
    expect(steps).toEqual(
      'system packages clock docker driver toolkit idle clocks disk user firewall images weights corpus'.split(
        ' ',
      ),
    );
    const failures = out.match(/^FAIL/gm)!.length;
    expect(out.match(/^ {17}-> \S/gm)).toHaveLength(failures);
    expect(out).toContain('FAIL  docker     no engine answers; wanted: Docker Engine 28.0');
    expect(asked()).not.toContain('apt-get');
  });
  it.each([
    ['system', 'ok    system     ubuntu 24.04 x86_64'],
    ['clock', 'ok    clock      synchronised: yes'],
    ['docker', 'ok    docker     engine 29.1.0'],
    ['driver', 'ok    driver     driver 580.159.04'],
    ['toolkit', 'ok    toolkit    toolkit 1.19.2'],
    ['idle', 'ok    idle       none'],
    ['clocks', 'ok    clocks     persistence: Enabled'],
    ['images', 'ok    images     all here'],
    ['corpus', 'ok    corpus     none is needed'],
  ])('finds %s in order where it is', async (step, line) => {
    good();
    const { code, out } = await setup(['--check', step]);
    expect(out).toContain(line);
    expect(code).toBe(0);
  });
  it.each([
    [
      'system',
      (): void => put(join(root, 'etc/os-release'), 'ID=debian\nVERSION_ID="12"\n'),
      'debian 12',
    ],
    ['clock', (): void => stub('timedatectl', 'echo no'), 'synchronised: no'],
    ['docker', (): void => stub('docker', 'echo 20.10.24'), 'engine 20.10.24; wanted'],
    ['driver', (): void => stub('nvidia-smi', 'echo 580.100.01'), 'driver 580.100.01; wanted'],
    ['toolkit', (): void => stub('nvidia-ctk', 'echo version 1.17.7'), 'toolkit 1.17.7; wanted'],
    [
      'toolkit',
      (): void => put(join(root, 'etc/nvidia-container-runtime/config.toml'), ''),
      'an image may ask for GPUs by a variable',
    ],
    ['toolkit', (): void => rmSync(join(root, 'etc/cdi/nvidia.yaml')), 'no CDI specification'],
    ['idle', (): void => stub('nvidia-smi', 'echo 4711, python'), '4711, python'],
    ['clocks', (): void => stub('nvidia-smi', 'echo Disabled'), 'persistence: Disabled'],
    ['disk', (): void => undefined, 'GB free; wanted: 999999 GB free'],
    [
      'images',
      (): void => arena({ images: { baseline: 'vllm:v1', reference: 'vllm:v1' } }),
      'vllm:v1 has no digest',
    ],
    ['images', (): void => stub('docker', 'exit 1'), 'is not here'],
    ['weights', (): void => undefined, 'there is no manifest'],
    [
      'corpus',
      (): void => arena({ corpus: { name: 'pg19' }, images: {} }),
      'CACHEON_CORPUS names no folder',
    ],
  ] as const)('says what is wrong with %s', async (step, spoil, line) => {
    good();
    spoil();
    const { code, out } = await setup(['--check', step], { CACHEON_DISK_GB: '999999' });
    expect(out).toContain(line);
    expect(out).toMatch(/-> \S/);
    expect(code).toBe(1);
  });
  it('wants the versions that an arena wants of a host, unless it says otherwise', () => {
    const { minimums } = sandbox.parse(undefined);
    const text = readFileSync(script, 'utf8');
    expect(minimums.engine[0]).toMatch(new RegExp(`^${/^ENGINE_MINIMUM=(.*)$/m.exec(text)![1]!}`));
    expect(text).toContain(`TOOLKIT_MINIMUM=${minimums.toolkit[0]!}\n`);
    for (const driver of minimums.driver) expect(text).toContain(`minimum=${driver}`);
  });
  it('refuses a step that there is not, and an arena that cannot be read', async () => {
    expect(await setup(['--check', 'kernel'])).toMatchObject({ code: 2 });
    expect((await setup(['--check'], { ARENA: '/nowhere' })).err).toContain(
      '/nowhere cannot be read',
    );
  });
});

describe('gpu-setup.sh', () => {
  it('writes the runner’s firewall once, and finds it in order the next time', async () => {
    stub('nft', 'exit 0');
    stub('systemctl', 'exit 0');
    for (let time = 0; time < 2; time++) {
      const { code, out } = await setup(['firewall']);
      expect(code).toBe(0);
      expect(out).toContain('ok    firewall   loaded');
    }
    expect(asked().match(/nft -f/g)).toHaveLength(1);
    expect(readFileSync(join(root, 'etc/nftables.conf'), 'utf8').match(/include/g)).toHaveLength(1);
    const rules = readFileSync(join(root, 'etc/nftables.d/cacheon.nft'), 'utf8');
    expect(rules).toContain('169.254.0.0/16');
  });
  it('turns off the variable by which an image could ask for every GPU', async () => {
    const config = join(root, 'etc/nvidia-container-runtime/config.toml');
    stub(
      'nvidia-ctk',
      `case "$1" in --version) echo 1.19.2;;
config) mkdir -p "$(dirname "$3")"; echo "accept-nvidia-visible-devices-envvar-when-unprivileged = false" >"$3";;
cdi) echo spec >"\${3#--output=}";; esac`,
    );
    const { code, out } = await setup(['toolkit']);
    expect(out).toContain('ok    toolkit    toolkit 1.19.2');
    expect(code).toBe(0);
    expect(existsSync(config)).toBe(true);
  });
  it('makes the runner’s user, and adds it to the group of Docker', async () => {
    stub(
      'id',
      `[ "$1" = -u ] && { [ -z "$2" ] && echo 0; exit 0; }; cat ${folder}/groups 2>/dev/null`,
    );
    stub('usermod', `echo "cacheon docker" >${folder}/groups`);
    const { code } = await setup(['user']);
    expect(code).toBe(0);
    expect(asked()).toContain('usermod --append --groups docker cacheon');
  });
  it('installs Docker from its own repository, with its own key', async () => {
    stub('curl', 'while [ $# -gt 0 ]; do [ "$1" = -o ] && echo key >"$2"; shift; done');
    stub(
      'apt-get',
      `[ "$1" = install ] && printf '#!/bin/bash\\necho 29.1.0\\n' >${bin}/docker; exit 0`,
    );
    stub('docker', 'exit 1');
    stub('systemctl', 'exit 0');
    const { code, out } = await setup(['docker']);
    expect(out).toContain('engine 29.1.0');
    expect(code).toBe(0);
    const list = readFileSync(join(root, 'etc/apt/sources.list.d/docker.list'), 'utf8');
    expect(list).toMatch(
      /signed-by=\S+docker\.asc\] https:\/\/download\.docker\.com\/linux\/ubuntu noble stable/,
    );
  });
});

describe('weights', () => {
  const data = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
  const small = Buffer.from('{"config": true}');
  let server: Server;
  let url = '';
  const ranges: string[] = [];
  let served = data;
  beforeAll(async () => {
    server = createServer((request, response) => {
      const body = request.url === '/model.safetensors' ? served : small;
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      ranges.push(`${request.url!} ${from}`);
      const part = body.subarray(from);
      response.writeHead(from > 0 ? 206 : 200, {
        'content-length': part.length,
        ...(from > 0 && { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` }),
      });
      response.end(part);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((done) => server.close(done)));
  beforeEach(() => {
    served = data;
    ranges.length = 0;
    put(
      join(folder, 'manifest'),
      `${sha256(data)}  model.safetensors\n${sha256(small)}  config.json\n`,
    );
  });
  const fetchWeights = (...args: string[]): Promise<Ran> =>
    setup([...args, 'weights'], { WEIGHTS_URL: url, WEIGHTS_MANIFEST: join(folder, 'manifest') });
  const file = (name: string): string => join(root, 'models/Model', name);

  it('are fetched, go on where they stopped, and are hashed once', async () => {
    put(file('model.safetensors.part'), data.subarray(0, 100_000));
    const { code, out } = await fetchWeights();
    expect(out).toContain('ok    weights    2 files, all with their hash');
    expect(code).toBe(0);
    expect(ranges).toEqual(['/model.safetensors 100000', '/config.json 0']);
    expect(readFileSync(file('model.safetensors')).equals(data)).toBe(true);
    const again = await fetchWeights('--check');
    expect(again.code).toBe(0);
    expect(again.err).not.toContain('hashing');
    expect(ranges).toHaveLength(2);
  });
  it('are thrown away where they come with another hash', async () => {
    served = Buffer.from(data);
    served[5] = 77;
    const { code, out, err } = await fetchWeights();
    expect(code).toBe(1);
    expect(err).toContain('model.safetensors came with another hash');
    expect(out).toContain('FAIL  weights');
    expect(existsSync(file('model.safetensors'))).toBe(false);
    expect(existsSync(file('model.safetensors.part'))).toBe(false);
  });
  it('that were changed since are found', async () => {
    await fetchWeights();
    const { size } = statSync(file('model.safetensors'));
    put(file('model.safetensors'), Buffer.alloc(size));
    expect((await fetchWeights('--check')).out).toContain('model.safetensors: FAILED');
  });
});
