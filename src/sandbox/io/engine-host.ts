// Housekeeping on a Docker host: leftover containers, software versions, cores and GPUs.
import { execFile } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { dockerError } from '../../node/docker.ts';
import type { Versions } from '../engine-versions.ts';
import { LOCK_NAME, OWNER_LABEL } from '../container-options.ts';

const run = promisify(execFile);
/**
 * Time by which the containers of a dead process are gone: removing one takes a fraction of a
 * second, but for a process stuck in a driver.
 */
const REAP_MS = 30_000;

/**
 * The mark of this process, by which another process can tell whether it still lives: pid, moment
 * of its start, boot of the machine.
 */
export function ownerMark(pid = process.pid): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return `${pid}:${startOf(pid) ?? ''}:${boot}:${readlinkSync('/proc/self/ns/pid')}`;
}

/** When a process started, in clock ticks since the boot: a reused pid has another. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/**
 * Whether a process is there that we may know nothing of: another user's, where /proc hides those.
 */
function isHidden(pid: number): boolean {
  try {
    return startOf(pid) === null && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * The reaper leaves a container alone for this long where it cannot see the container's process,
 * though no process holds a lock for it.
 */
const YOUNG_S = 60;

/**
 * Whether the process that started a container still runs. A reaper in the same process namespace
 * asks for its pid; a reaper in another (a runner in a container) asks for its lock, which runs
 * only while that process is connected to it.
 */
const lives = (mark: string, ageS: number, locks: ReadonlySet<string>): boolean => {
  const [pid = '', , ...place] = mark.split(':');
  const [, , ...here] = ownerMark().split(':');
  if (place.join(':') === here.join(':'))
    return /^[1-9]\d*$/.test(pid) && (ownerMark(Number(pid)) === mark || isHidden(Number(pid)));
  return locks.has(mark) || ageS < YOUNG_S;
};

/**
 * Removes every container of ours whose process is dead, with its volumes; returns how many. A
 * killed process leaves them to the next start. `nowS` is the engine's time of day in seconds.
 */
export async function reap(docker: Docker, nowS = new Date().getTime() / 1000): Promise<number> {
  const found = await docker
    .listContainers({ all: true, filters: { label: [OWNER_LABEL] } })
    .catch((error: unknown) => Promise.reject(dockerError('containers cannot be listed', error)));
  const markOf = ({ Labels }: Docker.ContainerInfo): string => Labels[OWNER_LABEL] ?? '';
  const locks = new Set(
    found
      .filter(({ Names, State }) => Names.includes(`/${LOCK_NAME}`) && State === 'running')
      .map(markOf),
  );
  const orphans = found.filter(
    (container) => !lives(markOf(container), nowS - container.Created, locks),
  );
  await Promise.all(orphans.map(({ Id }) => removeContainer(docker.getContainer(Id))));
  return orphans.length;
}

/** Ends and removes a container with its volumes, however it resists. Gone already is fine. */
export async function removeContainer(container: Docker.Container): Promise<void> {
  const deadline = process.hrtime.bigint() + BigInt(REAP_MS) * 1_000_000n;
  for (;;) {
    try {
      // An engine that hangs answers nothing: its caller must not hang with it.
      await container.remove({ force: true, v: true, abortSignal: AbortSignal.timeout(REAP_MS) });
      return;
    } catch (error) {
      const { statusCode } = error as { statusCode?: number };
      if (statusCode === 404) return;
      // 409: another call is removing it.
      if (process.hrtime.bigint() > deadline)
        throw dockerError('a container cannot be removed', error);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

const firstLine = async (command: string, ...args: string[]): Promise<string | null> => {
  try {
    return (await run(command, args, { timeout: 10_000 })).stdout.trim().split('\n')[0] ?? null;
  } catch {
    return null;
  }
};

/** Versions of everything that holds a container in. */
export async function versionsOf(docker: Docker): Promise<Versions> {
  const { Components, Version } = await docker.version();
  const component = (name: string): string | null =>
    Components.find((item) => item.Name.toLowerCase() === name)?.Version ?? null;
  return {
    kernel: release(),
    engine: Version,
    containerd: component('containerd'),
    runc: component('runc'),
    toolkit: await firstLine('nvidia-ctk', '--version'),
    driver: await firstLine('nvidia-smi', '--query-gpu=driver_version', '--format=csv,noheader'),
  };
}

/** A list of cores as the kernel writes one: `0-3,8`. */
export function coreList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .flatMap((range) => {
      const [from, to = from] = range.split('-').map(Number) as [number, number?];
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    });
}

/** Cores that this process may use, as the kernel numbers them. */
export function onlineCores(): number[] {
  const status = readFileSync('/proc/self/status', 'latin1');
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1];
  if (list === undefined) return Array.from({ length: availableParallelism() }, (_, i) => i);
  return coreList(list);
}

/** Threads that share a core with this one, itself among them; none where the kernel does not say. */
export function siblingsOf(core: number): number[] {
  try {
    const path = `/sys/devices/system/cpu/cpu${core}/topology/thread_siblings_list`;
    return coreList(readFileSync(path, 'latin1'));
  } catch {
    return [];
  }
}

/** A query of all GPUs, a line each; null where no driver answers. */
async function askGpus(fields: string): Promise<string[] | null> {
  try {
    const args = [`--query-gpu=${fields}`, '--format=csv,noheader,nounits'];
    const { stdout } = await run('nvidia-smi', args, { timeout: 20_000 });
    return stdout
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  } catch {
    return null;
  }
}

/** GPUs of this machine by UUID; none where there is no driver. */
export async function gpuIds(): Promise<string[]> {
  return (await askGpus('uuid'))?.filter((line) => line.startsWith('GPU-')) ?? [];
}

/** GPUs of this machine by name; null where there is no driver. */
export async function namedGpus(): Promise<{ name: string; memoryMib: number }[] | null> {
  const lines = await askGpus('name,memory.total');
  return (
    lines?.map((line) => {
      const [name = '', memory = ''] = line.split(',').map((cell) => cell.trim());
      return { name, memoryMib: Number(memory) };
    }) ?? null
  );
}
