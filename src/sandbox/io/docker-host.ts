// Preparation of a Docker host for untrusted images: version checks, probes and clock test.
import type Docker from 'dockerode';
import type { Log, Progress } from '../../core/log.ts';
import { dockerError, openDocker } from '../../node/docker.ts';
import { SandboxError } from '../errors.ts';
import type { MeasuringRules } from '../../schema/arena.ts';
import type { ClockReceipt } from '../../schema/clock-receipt.ts';
import type { EngineRuntime } from '../../measure/engine.ts';
import { atLeast, type Minimums, tooOld, type Versions } from '../engine-versions.ts';
import type { ProbeResult } from '../escape-probes.ts';
import {
  LOCK_NAME,
  OWNER_LABEL,
  type Rig,
  type SandboxRules,
  shareCores,
} from '../container-options.ts';
import { sidecarProgram } from '../../measure/io/sidecar-process.ts';
import { checkClock, groundTruthProgram } from '../../measure/io/clock-check.ts';
import {
  gpuIds,
  onlineCores,
  ownerMark,
  reap,
  removeContainer,
  siblingsOf,
  versionsOf,
} from './engine-host.ts';
import { probesProgram, runProbes } from './probe-runner.ts';
import { createAlone, dockerRuntime } from './container-runtime.ts';
import { readWhole } from './weights-cache.ts';
import { NODE, toolsImage, WATCHER } from './tools-image.ts';

export type HostRules = MeasuringRules & {
  readonly sandbox: SandboxRules & Pick<Rig, 'runtime'> & { readonly minimums: Minimums };
};
/** Facts about a machine before the first measurement on it; every trace carries them. */
type HostFacts = {
  readonly versions: Versions;
  readonly cores: { readonly server: string | null; readonly meter: string | null };
  readonly gpus: readonly string[];
  readonly meterImage: string;
  readonly probes: readonly ProbeResult[];
};
export type DockerHost = {
  readonly runtime: EngineRuntime;
  readonly facts: HostFacts;
  readonly clock: ClockReceipt;
  /** Lets another measuring process have this machine. */
  readonly close: () => Promise<void>;
};

/** How images of the arena's own come to this machine: the sandbox knows no registry. */
type ImageSource<Images> = {
  readonly open: (docker: Docker) => Images;
  /** The name on this machine of an image. */
  readonly fetch: (
    images: Images,
    named: { readonly image: string; readonly digest: string },
    report: (step: Progress) => void,
  ) => Promise<string>;
};
export type HostOptions<Images> = {
  readonly models: string | null;
  readonly images: ImageSource<Images>;
  readonly volumePolicy: boolean;
  readonly log: Log;
};

const QUIET = '--disable-warning=ExperimentalWarning';

/**
 * The engine of this machine, without the leftovers of a dead process, and the versions of
 * everything that holds containers in.
 */
export async function openHost(
  log: Log,
): Promise<{ docker: Docker; versions: Versions; owner: string }> {
  const docker = await openDocker();
  const orphans = await reap(docker);
  if (orphans > 0) log.warn(`removed ${orphans} containers that a dead harness had left`);
  return { docker, versions: await versionsOf(docker), owner: ownerMark() };
}

/** The rig of this machine: cores shared out, its GPUs, and the weights. */
export async function rigOf(docker: Docker, rules: HostRules, models: string | null): Promise<Rig> {
  const ids = await gpuIds();
  const cores = onlineCores();
  const by = gpuAccess((await docker.info()) as EngineInfo, ids);
  return {
    ...shareCores(cores, rules.sandbox.cpus, siblingsOf(cores[0] ?? 0)),
    gpus: ids.length === 0 ? null : { by, ids },
    models,
    runtime: rules.sandbox.runtime,
  };
}

/** Throws `NO_RUNTIME` where the engine has no runtime of the arena's name: no other takes its place. */
async function assertRuntime(docker: Docker, runtime: string): Promise<void> {
  const { Runtimes = {} } = (await docker.info()) as { Runtimes?: Record<string, unknown> };
  if (runtime in Runtimes) return;
  throw new SandboxError(
    'NO_RUNTIME',
    'infra',
    `the arena asks for the runtime ${runtime}, and this engine has ${Object.keys(Runtimes).join(', ')}`,
    `install ${runtime}, name it in /etc/docker/daemon.json, and restart the engine`,
  );
}

type EngineInfo = {
  readonly ServerVersion?: unknown;
  readonly CDISpecDirs?: unknown;
  readonly DiscoveredDevices?: unknown;
};

/**
 * How the runtime asks this engine for these GPUs. By CDI where the engine has found each of them:
 * engines from 28.2 on list the GPUs that they found, and nothing where they found nothing. Older
 * ones list CDI folders only where the operator turned CDI on. Else by the NVIDIA runtime.
 */
export function gpuAccess(info: EngineInfo, ids: readonly string[]): 'cdi' | 'nvidia' {
  const { ServerVersion: version, CDISpecDirs: folders, DiscoveredDevices: devices } = info;
  if (typeof version === 'string' && !atLeast(version, '28.2'))
    return Array.isArray(folders) && folders.length > 0 ? 'cdi' : 'nvidia';
  const found = new Set(
    (Array.isArray(devices) ? (devices as { ID?: unknown }[]) : []).map(({ ID }) => ID),
  );
  return ids.every((id) => found.has(`nvidia.com/gpu=${id}`)) ? 'cdi' : 'nvidia';
}

/** The probes of this machine's sandbox, with a table's worth of detail. */
export async function probeHost(
  docker: Docker,
  rig: Rig,
  owner: string,
  volumePolicy: boolean,
): Promise<ProbeResult[]> {
  const tools = await toolsImage(docker, PROGRAMS());
  // The probes' bombs would spoil the times of an evaluation beside them.
  const lock = await lockHost(docker, tools.name, owner);
  try {
    return await runProbes({ docker, tools, rig, owner }, volumePolicy);
  } finally {
    await lock.release();
  }
}

const PROGRAMS = (): Record<string, string> => ({
  meter: sidecarProgram(),
  truth: groundTruthProgram(),
  probes: probesProgram(),
});

/**
 * Makes this machine ready to run miners' images, or throws the reason why it must not: engines too
 * old (`OLD_ENGINE`), a sandbox with a hole (`SANDBOX_OPEN`), a clock too wrong (`CLOCK_ERROR`).
 */
export async function prepareHost<Images>(
  rules: HostRules,
  options: HostOptions<Images>,
): Promise<DockerHost & { images: Images }> {
  const { log } = options;
  const { docker, versions, owner } = await openHost(log);
  const rig = await rigOf(docker, rules, options.models);
  await assertRuntime(docker, rules.sandbox.runtime);
  const old = tooOld(versions, rules.sandbox.minimums, rig.gpus !== null);
  if (old.length > 0)
    throw new SandboxError(
      'OLD_ENGINE',
      'infra',
      old.join('; '),
      'upgrade; an arena may lower sandbox.minimums, and every plan records it',
    );
  log.info(
    `Docker ${versions.engine ?? '?'}, runc ${versions.runc ?? '?'}: running the escape probes`,
  );
  const tools = await toolsImage(docker, PROGRAMS());
  const lock = await lockHost(docker, tools.name, owner);
  try {
    return {
      ...(await readyHost(docker, rules, options, { rig, versions, owner, tools })),
      close: lock.release,
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/**
 * Takes this machine by a container's name, which only one process can have, between two servers
 * too. The container runs while this process is connected to it, so that a process in another
 * namespace can tell whether we live. Throws `HOST_BUSY`.
 */
export async function lockHost(
  docker: Docker,
  image: string,
  owner: string,
): Promise<{ release: () => Promise<void> }> {
  const create = {
    name: LOCK_NAME,
    Image: image,
    Cmd: [WATCHER],
    Labels: { [OWNER_LABEL]: owner },
    ...{ AttachStdin: true, OpenStdin: true, StdinOnce: true, NetworkDisabled: true },
    HostConfig: {
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      LogConfig: { Type: 'none' },
    },
  };
  const lock = await createAlone(docker, create, owner);
  const release = (): Promise<void> => removeContainer(lock);
  try {
    const stream = await lock.attach({ stream: true, stdin: true, hijack: true });
    stream.on('error', () => undefined);
    await lock.start();
  } catch (error) {
    await release();
    throw dockerError('this machine cannot be taken', error);
  }
  return { release };
}

type Ready = {
  readonly rig: Rig;
  readonly versions: Versions;
  readonly owner: string;
  readonly tools: Awaited<ReturnType<typeof toolsImage>>;
};

/** The rest of `prepareHost`, while this machine is ours. */
async function readyHost<Images>(
  docker: Docker,
  rules: HostRules,
  options: HostOptions<Images>,
  { rig, versions, owner, tools }: Ready,
): Promise<Omit<DockerHost, 'close'> & { images: Images }> {
  const { log } = options;
  const probes = await runProbes({ docker, tools, rig, owner }, options.volumePolicy);
  const open = probes.filter(({ result }) => result === 'fail');
  if (open.length > 0)
    throw new SandboxError(
      'SANDBOX_OPEN',
      'infra',
      `the sandbox has a hole: ${open.map(({ id, detail }) => `${id} ${detail}`).join('; ')}`.slice(
        0,
        600,
      ),
      'cacheon doctor --sandbox shows each probe; nothing is run before all hold',
    );
  const images = options.images.open(docker);
  const container = {
    docker,
    rules,
    rig,
    owner,
    meter: { image: tools.name, command: [NODE, QUIET, tools.paths['meter']!] },
  };
  const truth = dockerRuntime({ ...container, fetch: () => Promise.resolve(tools.name) });
  const args = [NODE, QUIET, tools.paths['truth']!, '--port', '8000'];
  const clock = await checkClock(
    () => truth.start({ kind: 'image', image: 'ground-truth', digest: tools.name, args }),
    rules.clock,
    log,
  );
  const { models } = rig;
  const runtime = dockerRuntime({
    ...container,
    ...(models !== null && { prepare: () => readWhole(models, log) }),
    fetch: async ({ image, digest, local }) =>
      local ??
      (await options.images.fetch(images, { image, digest }, (step) => log.progress(step))),
  });
  const facts: HostFacts = {
    versions,
    cores: { server: rig.serverCpus, meter: rig.meterCpus },
    gpus: rig.gpus?.ids ?? [],
    meterImage: tools.name,
    probes,
  };
  return { runtime, facts, clock, images };
}
