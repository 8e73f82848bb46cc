// Measures a shard on another machine by SSH: a host that was prepared once, and holds no key.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { renderJson } from '../core/canonical.ts';
import { CacheonError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { MAX_FILE_BYTES } from '../ledger/io/results-folder.ts';
import { writeWhole } from '../node/atomic-file.ts';
import { ARTIFACTS } from '../schema/artifacts.ts';
import { EVIDENCE_FOLDERS } from '../schema/paths.ts';
import { UsageError } from './errors.ts';
import type { ShardTask } from './validator-host.ts';

/** Names the machine: `user@host` or `user@host:port`. */
export const GPU_HOST_VARIABLE = 'CACHEON_GPU_SSH';
/** Names the checkout of this repository on it; its origin has the ledger branch. */
const CHECKOUT_VARIABLE = 'CACHEON_GPU_CHECKOUT';
/** A configuration file of the SSH client, in place of the user's own. */
const CONFIG_VARIABLE = 'CACHEON_GPU_SSH_CONFIG';

/** The machine did not do what it was asked, or cannot be reached. */
class HostError extends CacheonError<'HOST_FAILED'> {}

const ADDRESS = /^(?<login>(?:[a-z_][\w.-]*@)?\w[\w.-]*)(?::(?<port>\d{1,5}))?$/;
const SAFE = /^[\w.,:/@=+-]+$/;
/** A name of evidence: no path that leaves its folder. */
const EVIDENCE_NAME = /^(?:\.\/)?(?<path>(?:[\w-][\w.-]*\/)+[\w-][\w.-]*)$/;

type Address = { readonly login: string; readonly port: string };

function addressOf(text: string): Address {
  const { login, port = '22' } = ADDRESS.exec(text)?.groups ?? {};
  if (login !== undefined) return { login, port };
  throw new UsageError(`${GPU_HOST_VARIABLE} is ${text}`, 'give user@host, or user@host:port');
}

/** One argument for the remote shell. Throws `USAGE` for what would need quoting. */
function word(text: string): string {
  if (SAFE.test(text)) return text;
  throw new UsageError(
    `${text} cannot be passed to the GPU host`,
    'use names without spaces or signs of the shell',
  );
}

type RemoteIo = {
  readonly input?: string;
  readonly take?: (output: Readable) => Promise<void>;
};
/** How a command there ended, and the last line that it said. */
type Ended = { readonly code: number | null; readonly last: string };

/** What `cacheon evaluate` ends with where no server answered: its traces say why. */
const NOTHING_ANSWERED = 1;

/** Runs a command there. Its messages go to the log; `input` to its standard input, output to `take`. */
async function ask(
  { login, port }: Address,
  command: readonly string[],
  log: Log,
  io: RemoteIo = {},
): Promise<Ended> {
  const config = process.env[CONFIG_VARIABLE];
  const options = ['BatchMode=yes', 'ConnectTimeout=20', 'ServerAliveInterval=30'];
  const how = [...(config === undefined ? [] : ['-F', config]), '-p', port];
  const child = spawn(
    'ssh',
    [...options.flatMap((option) => ['-o', option]), ...how, login, '--', ...command.map(word)],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let last = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n').filter((item) => item !== '')) {
      last = line;
      log.info(line);
    }
  });
  child.stdin.on('error', () => undefined).end(io.input ?? '');
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [code] = await Promise.all([
    ended,
    io.take ? io.take(child.stdout) : Promise.resolve(void child.stdout.resume()),
  ]);
  return { code, last };
}

/** The same for a command that must end well. Throws `HOST_FAILED`. */
async function remote(
  host: Address,
  command: readonly string[],
  log: Log,
  io: RemoteIo = {},
): Promise<void> {
  const ended = await ask(host, command, log, io);
  if (ended.code !== 0) throw failed(host, command, ended);
}

const failed = ({ login }: Address, command: readonly string[], { code, last }: Ended): HostError =>
  new HostError(
    'HOST_FAILED',
    'infra',
    `${login}: ${command.slice(0, 2).join(' ')} ended with ${code ?? 'a signal'}: ${last.slice(0, 200)}`,
    code === 255 ? 'the connection failed: try ssh by hand' : 'look at the lines above',
  );

/** Keeps evidence out of a tar stream; other names are passed over, for a host is not trusted with paths. */
async function unpack(output: Readable, folder: string, log: Log): Promise<void> {
  const entries = extract();
  entries.on('entry', ({ name, type, size }, stream, next) => {
    const path = EVIDENCE_NAME.exec(name)?.groups?.['path'];
    const wanted = type === 'file' && path !== undefined && EVIDENCE_FOLDERS.test(path);
    if (!wanted || size > MAX_FILE_BYTES) {
      if (type === 'file') log.warn(`${name} is left on the host: it is no evidence`);
      stream.on('end', next).resume();
      return;
    }
    const parts: Buffer[] = [];
    stream.on('data', (part) => parts.push(part as Buffer));
    stream.on('end', () => {
      writeWhole(join(folder, path), Buffer.concat(parts));
      next();
    });
  });
  await pipeline(output, entries);
}

/**
 * A machine that measures shards: its checkout runs `cacheon evaluate`, which verifies the signed
 * plan in the ledger branch itself; the seed goes there and the evidence comes back, also of a run
 * that broke off. The key never leaves this host. Throws `USAGE` and `HOST_FAILED`.
 */
export function sshHost(
  text: string,
  log: Log,
): {
  readonly measure: (task: ShardTask, options: readonly string[]) => Promise<void>;
  /** Throws where the machine cannot be reached, or has no checkout. */
  readonly ready: () => Promise<void>;
} {
  const host = addressOf(text);
  const checkout = word(process.env[CHECKOUT_VARIABLE] ?? 'cacheon');
  const ready = (): Promise<void> =>
    remote(host, ['test', '-x', `${checkout}/scripts/cacheon`], log);
  const measure = async (
    { plan, shard, draw, folder }: ShardTask,
    options: readonly string[],
  ): Promise<void> => {
    const block = String(plan.predicate.block.number);
    const there = `.cacheon-evidence/${plan.sha256.slice(0, 16)}-${shard}`;
    const output = `${there}/${ARTIFACTS.draw}`;
    await remote(host, ['mkdir', '-p', there], log);
    await remote(host, ['tee', output], log, { input: renderJson(draw) });
    const cacheon = [`${checkout}/scripts/cacheon`, 'evaluate', '--repo', checkout];
    const what = ['--round', block, '--shard', String(shard), '--out', there];
    const evaluate = [...cacheon, ...what, ...options];
    const ended = await ask(host, evaluate, log);
    // Also what was kept until it broke off.
    await remote(host, ['tar', '-C', there, '-cf', '-', '.'], log, {
      take: (stream) => unpack(stream, folder, log),
    });
    // A program that died by itself may end with 1 too, but leaves no trace.
    const measured = ended.code === NOTHING_ANSWERED && existsSync(join(folder, 'traces'));
    if (ended.code !== 0 && !measured) throw failed(host, evaluate, ended);
    await remote(host, ['rm', '-r', there], log);
  };
  return { measure, ready };
}
