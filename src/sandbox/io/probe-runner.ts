// Running of the sandbox escape probes in a container with a server's exact options.
import { type AddressInfo, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type Docker from 'dockerode';
import { fromUtf8Lossy } from '../../core/bytes.ts';
import { dockerError } from '../../node/docker.ts';
import { DockerError } from '../../node/errors.ts';
import { judgeProbes, type ProbeResult, type Sightings } from '../escape-probes.ts';
import { OWNER_LABEL, type Rig, type SandboxRules, serverOptions } from '../container-options.ts';
import { SYSCALLS } from '../syscall-program.ts';
import { removeContainer } from './engine-host.ts';
import { createAlone } from './container-runtime.ts';
import { keepLog } from './attach.ts';
import { NODE, SLEEPER, SYSCALL_PROGRAM } from './tools-image.ts';

/**
 * Small limits, so that a probe reaches one in no time: the probe only shows that a limit exists.
 */
const LIMITS: SandboxRules = {
  memoryGb: 0.25,
  cpus: 32,
  pids: 96,
  shmGb: 1 / 64,
  tmpGb: 1 / 64,
  cacheGb: 1 / 32,
  files: 512,
};
const PROBE_SECONDS = 30;

/** The probes' program: beside the bundle, or the source. */
export function probesProgram(): string {
  const bundled = new URL('escape-probes.cjs', import.meta.url);
  return fileURLToPath(
    existsSync(bundled) ? bundled : new URL('escape-probes-main.ts', import.meta.url),
  );
}

type Run = { readonly output: string; readonly oom: boolean; readonly writable: readonly string[] };

/** Where probes run: the engine, the image with their programs, and this process's mark. */
export type ProbeBench = {
  readonly docker: Docker;
  readonly tools: { readonly name: string; readonly paths: Readonly<Record<string, string>> };
  readonly rig: Rig;
  readonly owner: string;
};

async function runProbe({ docker, tools, rig, owner }: ProbeBench, argument: string): Promise<Run> {
  const program = tools.paths['probes']!;
  const args = [NODE, '--disable-warning=ExperimentalWarning', program, argument];
  const server = { image: tools.name, args };
  const container = await createAlone(
    docker,
    serverOptions(server, LIMITS, { ...rig, models: null }, owner),
    owner,
  );
  let timer: NodeJS.Timeout | undefined;
  try {
    const log = await keepLog(container);
    await container.start();
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`the probes took more than ${PROBE_SECONDS} s`)),
        PROBE_SECONDS * 1000,
      );
    });
    await Promise.race([container.wait(), late]);
    const { State, Mounts } = await container.inspect();
    const writable = Mounts.filter(({ RW }) => RW).map(({ Destination }) => Destination);
    return { output: fromUtf8Lossy(log.bytes()), oom: State.OOMKilled, writable };
  } catch (error) {
    throw dockerError('the escape probes cannot be run', error);
  } finally {
    clearTimeout(timer);
    await removeContainer(container);
  }
}

/** What an engine has besides containers: a server may leave none of it behind. */
async function inventory(docker: Docker): Promise<Set<string>> {
  const [containers, { Volumes }, networks] = await Promise.all([
    docker.listContainers({ all: true, filters: { label: [OWNER_LABEL] } }),
    docker.listVolumes(),
    docker.listNetworks(),
  ]);
  return new Set([
    ...containers.map(({ Id }) => `container ${Id.slice(0, 12)}`),
    ...Volumes.map(({ Name }) => `volume ${Name.slice(0, 12)}`),
    ...networks.map(({ Name }) => `network ${Name}`),
  ]);
}

/**
 * Runs the escape probes C01 to C20 in a container with exactly a server's options. `volumePolicy`
 * says whether admission refuses an image that declares a volume. Throws `DOCKER` where they cannot
 * be run at all.
 */
export async function runProbes(bench: ProbeBench, volumePolicy: boolean): Promise<ProbeResult[]> {
  const { docker, rig } = bench;
  const before = await inventory(docker);
  let canaryHits = 0;
  const canary = createServer((socket) => {
    canaryHits++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => canary.listen(0, '0.0.0.0', resolve));
  try {
    const bridges = await docker.listNetworks();
    const gateways = bridges.flatMap(({ IPAM }) =>
      (IPAM?.Config ?? []).flatMap(({ Gateway }) => (Gateway === undefined ? [] : [Gateway])),
    );
    const hosts = Object.values(networkInterfaces()).flatMap((list) =>
      (list ?? [])
        .filter(({ internal, family }) => !internal && family === 'IPv4')
        .map(({ address }) => address),
    );
    const argument = JSON.stringify({
      gateways: gateways.length > 0 ? gateways : ['172.17.0.1'],
      hosts: hosts.length > 0 ? hosts : ['172.17.0.1'],
      peers: ['172.17.0.2', '172.18.0.2'],
      port: (canary.address() as AddressInfo).port,
      calls: SYSCALLS.map(({ name }) => name),
      program: SYSCALL_PROGRAM,
      sleeper: SLEEPER,
    });
    const probed = await runProbe(bench, argument);
    const bomb = await runProbe(bench, 'memory');
    const after = await inventory(docker);
    return judgeProbes(
      sightings(probed.output),
      {
        canaryHits,
        volumePolicy,
        oomKilled: bomb.oom,
        writableMounts: probed.writable,
        residue: [...after].filter((item) => !before.has(item)),
      },
      rig.gpus !== null,
    );
  } finally {
    canary.close();
  }
}

function sightings(output: string): Sightings {
  const line = output.split('\n').find((text) => text.startsWith('{'));
  try {
    return JSON.parse(line ?? '') as Sightings;
  } catch (error) {
    throw new DockerError(
      'DOCKER',
      'infra',
      `the escape probes said nothing: ${output.slice(-300)}`,
      'run cacheon doctor --sandbox',
    ).causedBy(error);
  }
}
