// A GPU host by SSH: what comes back from it is taken as a stranger's; wrong addresses and failures are told.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../core/log.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { sshHost } from './ssh-host.ts';

const folder = mkdtempSync(join(tmpdir(), 'ssh-'));
const path = process.env['PATH']!;
const warnings: string[] = [];
const log = { ...silentLog, warn: (text: string) => void warnings.push(text) };
const plan = {
  sha256: 'ab'.repeat(32),
  predicate: { block: { number: 7 } },
} as LedgerRecord<'plan'>;
const draw = { schema: 1, plan: plan.sha256, seed: `0x${'2a'.repeat(32)}`, pulse: null } as const;

/** A tar as a host might send it. */
async function archive(): Promise<Buffer> {
  const tar = pack();
  const good = gzipSync('{}');
  tar.entry({ name: './traces/0/1/baseline.ndjson.gz' }, good);
  tar.entry({ name: '../../evil' }, 'x');
  tar.entry({ name: '/etc/evil' }, 'x');
  tar.entry({ name: 'traces/../../evil' }, 'x');
  tar.entry({ name: 'round.json' }, 'x');
  tar.entry({ name: './traces/0/1/link', type: 'symlink', linkname: '/etc/passwd' });
  tar.entry({ name: './logs/0/1/baseline.gz' }, good);
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Puts an `ssh` on the path that writes down what it is asked, and fails where it is told to. */
async function fakeSsh(failing: string, code: number): Promise<void> {
  writeFileSync(join(folder, 'archive.tar'), await archive());
  writeFileSync(
    join(folder, 'ssh'),
    `#!/bin/sh
echo "$@" >> ${folder}/asked
case "$*" in
  *${failing}*) echo "it broke" >&2; exit ${code};;
  *'tar -C'*) cat ${folder}/archive.tar;;
  *tee*) cat > ${folder}/given;;
esac
`,
  );
  chmodSync(join(folder, 'ssh'), 0o755);
}
const task = () => ({ plan, shard: 0, draw, folder: join(folder, 'out') });
const asked = (): string[] => readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n');

beforeEach(() => {
  process.env['PATH'] = `${folder}${delimiter}${path}`;
  warnings.length = 0;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
});
afterEach(() => {
  process.env['PATH'] = path;
  rmSync(folder, { recursive: true, force: true });
});

describe('a GPU host by SSH', () => {
  it('gets the seed, measures, and gives its evidence back; other files stay there', async () => {
    await fakeSsh('nothing-fails', 0);
    await sshHost('cacheon@gpu.example:2222', log).measure(task(), ['--validator', '5Cvalidator']);
    expect(readdirSync(join(folder, 'out'), { recursive: true }).sort()).toEqual([
      ...['logs', 'logs/0', 'logs/0/1', 'logs/0/1/baseline.gz'],
      ...['traces', 'traces/0', 'traces/0/1', 'traces/0/1/baseline.ndjson.gz'],
    ]);
    expect(existsSync('/etc/evil')).toBe(false);
    expect(warnings).toHaveLength(4);
    expect(readFileSync(join(folder, 'given'), 'utf8')).toContain(draw.seed);
    const [, , evaluate, , last] = asked();
    expect(evaluate).toMatch(
      /-p 2222 cacheon@gpu\.example -- cacheon\/scripts\/cacheon evaluate .*--round 7 --shard 0/,
    );
    expect(evaluate).toContain('--validator 5Cvalidator');
    expect(last).toContain('rm -r .cacheon-evidence/abababababababab-0');
  });
  it('gives back what was kept until it broke, and says why it did', async () => {
    await fakeSsh('evaluate', 3);
    const measuring = sshHost('gpu.example', log).measure(task(), []);
    await expect(measuring).rejects.toMatchObject({
      code: 'HOST_FAILED',
      message: expect.stringMatching(/cacheon evaluate ended with 3: it broke/) as string,
    });
    expect(existsSync(join(folder, 'out/traces/0/1/baseline.ndjson.gz'))).toBe(true);
  });
  it('takes the evidence of a machine on which no server answered', async () => {
    await fakeSsh('evaluate', 1);
    await sshHost('gpu.example', log).measure(task(), []);
    expect(existsSync(join(folder, 'out/traces/0/1/baseline.ndjson.gz'))).toBe(true);
  });
  it('says that a connection failed', async () => {
    await fakeSsh('mkdir', 255);
    await expect(sshHost('gpu.example', log).measure(task(), [])).rejects.toMatchObject({
      hint: 'the connection failed: try ssh by hand',
    });
  });
  it.each([['user@'], ['-oProxyCommand=evil'], ['-evil'], ['a b'], ['host:99x'], ['u@h;rm']])(
    'refuses the address %s',
    (address) => expect(() => sshHost(address, log)).toThrow(/give|is /),
  );
  it('refuses what would need quoting there', async () => {
    await fakeSsh('nothing-fails', 0);
    const measuring = sshHost('gpu.example', log).measure(task(), ['--corpus', 'a; rm -r /']);
    await expect(measuring).rejects.toMatchObject({ code: 'USAGE' });
  });
});
