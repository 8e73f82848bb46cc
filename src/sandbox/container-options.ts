// Docker options that confine a miner's server and the measuring client beside the server.
import { compactJson } from '../core/canonical.ts';
import { seccompProfile } from './seccomp.ts';

/** The limits of an arena's sandbox (RULES "Sandbox limits"). */
export type SandboxRules = {
  readonly memoryGb: number;
  readonly cpus: number;
  readonly pids: number;
  readonly shmGb: number;
  readonly tmpGb: number;
  readonly cacheGb: number;
  readonly files: number;
};
/**
 * What this machine gives: cores for the server and, apart from them, for the measuring client;
 * GPUs, and how to ask for them.
 */
export type Rig = {
  readonly serverCpus: string | null;
  readonly meterCpus: string | null;
  readonly gpus: null | { readonly by: 'cdi' | 'nvidia'; readonly ids: readonly string[] };
  /** Folder of the weights on the host. */
  readonly models: string | null;
  /** What runs a server, as the arena says; the measuring client always runs under runc. */
  readonly runtime: 'runc' | 'runsc';
};

/**
 * Each container carries this label with the mark of the process that started it: the reaper reads
 * it.
 */
export const OWNER_LABEL = 'cacheon.owner';
export const SERVER_NAME = 'cacheon-server';
export const LOCK_NAME = 'cacheon-lock';
/** Users that a server and the client beside it run as. */
const SERVER_USER = 10_001;
const METER_USER = 10_002;
const GIB = 1024 ** 3;
/** Ten times what others get of a core that is shared: 1024 is usual. */
const METER_SHARES = 10_240;
const METER_MEMORY = 1 * GIB;
/**
 * Files of a memory file system: without a limit a server could fill the kernel's memory with empty
 * ones.
 */
const INODES = 65_536;

/**
 * Everything a container may not do, for server and client alike: no network of its own choice, no
 * capability, no new privilege, no write to the image, no log on disk, no health check of the
 * image's (it would run inside the timed window), no signal but SIGKILL, no restart. Each line
 * answers an attack that was tried (RULES "Rights of a server").
 */
function hardened(limits: {
  memory: number;
  pids: number;
  cpus: string | null;
  files: number;
  pins: boolean;
}): Record<string, unknown> {
  return {
    CapDrop: ['ALL'],
    CapAdd: [],
    SecurityOpt: ['no-new-privileges:true', `seccomp=${compactJson(seccompProfile())}`],
    ReadonlyRootfs: true,
    Memory: limits.memory,
    MemorySwap: limits.memory,
    PidsLimit: limits.pids,
    ...(limits.cpus === null ? {} : { CpusetCpus: limits.cpus }),
    Ulimits: [
      { Name: 'nofile', Soft: limits.files, Hard: limits.files },
      { Name: 'core', Soft: 0, Hard: 0 },
      // GPU drivers and NCCL pin memory; the memory limit above still counts it.
      ...(limits.pins ? [{ Name: 'memlock', Soft: -1, Hard: -1 }] : []),
    ],
    IpcMode: 'private',
    CgroupnsMode: 'private',
    LogConfig: { Type: 'none', Config: {} },
    RestartPolicy: { Name: 'no' },
    Init: true,
    AutoRemove: false,
    OomScoreAdj: 500,
    Privileged: false,
    PublishAllPorts: false,
  };
}

const common = (owner: string): Record<string, unknown> => ({
  Labels: { [OWNER_LABEL]: owner },
  Healthcheck: { Test: ['NONE'] },
  StopSignal: 'SIGKILL',
  StopTimeout: 1,
  Tty: false,
});

const size = (gb: number): number => Math.round(gb * GIB);

/** How the engine is asked for a server's GPUs: by CDI where it speaks that, else by NVIDIA's runtime. */
const deviceRequest = ({
  by,
  ids,
}: NonNullable<Rig['gpus']>): { Driver: string; DeviceIDs: string[]; Capabilities?: string[][] } =>
  by === 'cdi'
    ? { Driver: 'cdi', DeviceIDs: ids.map((id) => `nvidia.com/gpu=${id}`) }
    : { Driver: 'nvidia', DeviceIDs: [...ids], Capabilities: [['gpu', 'compute', 'utility']] };

/** An image on this machine, and the arguments of its entrypoint where they are not its own. */
export type ServerProgram = {
  readonly image: string;
  readonly args?: readonly string[] | undefined;
};

/** Create options of a server's container: its own loopback and nothing else. */
export function serverOptions(
  { image, args }: ServerProgram,
  rules: SandboxRules,
  rig: Rig,
  owner: string,
): Record<string, unknown> {
  const { gpus } = rig;
  return {
    ...common(owner),
    name: SERVER_NAME,
    Image: image,
    ...(args === undefined ? {} : { Cmd: [...args] }),
    User: `${SERVER_USER}:${SERVER_USER}`,
    // Frameworks look up their own host name to find their own address.
    Hostname: 'server',
    Env: [
      'MODEL_PATH=/models',
      'PORT=8000',
      'HOME=/tmp',
      'TMPDIR=/tmp',
      'XDG_CACHE_HOME=/cache',
      'TRITON_CACHE_DIR=/cache/triton',
      'TORCHINDUCTOR_CACHE_DIR=/cache/inductor',
      'TORCH_EXTENSIONS_DIR=/cache/torch',
      'FLASHINFER_WORKSPACE_BASE=/cache',
      'CUDA_CACHE_PATH=/cache/cuda',
      'VLLM_CACHE_ROOT=/cache/vllm',
      'NCCL_SOCKET_IFNAME=lo',
      'GLOO_SOCKET_IFNAME=lo',
      'VLLM_NO_USAGE_STATS=1',
      'HF_HUB_OFFLINE=1',
      // An image that sets this to "all" would claim every GPU of the host where the toolkit
      // listens to it (C16).
      'NVIDIA_VISIBLE_DEVICES=void',
    ],
    OpenStdin: false,
    HostConfig: {
      ...hardened({
        memory: size(rules.memoryGb),
        pids: rules.pids,
        cpus: rig.serverCpus,
        files: rules.files,
        pins: gpus !== null,
      }),
      Runtime: rig.runtime,
      NetworkMode: 'none',
      ExtraHosts: ['server:127.0.0.1'],
      ShmSize: size(rules.shmGb),
      Tmpfs: {
        '/tmp': `rw,noexec,nosuid,nodev,size=${size(rules.tmpGb)},nr_inodes=${INODES},mode=1777`,
        '/cache': `rw,exec,nosuid,nodev,size=${size(rules.cacheGb)},nr_inodes=${INODES},mode=0700,uid=${SERVER_USER},gid=${SERVER_USER}`,
      },
      Binds: rig.models === null ? [] : [`${rig.models}:/models:ro`],
      DeviceRequests: gpus === null ? [] : [deviceRequest(gpus)],
    },
  };
}

/**
 * Create options of the measuring client: it shares the server's network namespace and nothing
 * else.
 */
export function sidecarOptions(
  { image, command }: { readonly image: string; readonly command: readonly string[] },
  server: string,
  rig: Rig,
  owner: string,
): Record<string, unknown> {
  return {
    ...common(owner),
    Image: image,
    Entrypoint: [...command],
    User: `${METER_USER}:${METER_USER}`,
    Env: ['HOME=/tmp'],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    // The container ends with the process that started it: its stdin closes when that process dies.
    StdinOnce: true,
    HostConfig: {
      CpuShares: METER_SHARES,
      ...hardened({
        memory: METER_MEMORY,
        pids: 64,
        cpus: rig.meterCpus,
        files: 1024,
        pins: false,
      }),
      NetworkMode: `container:${server}`,
    },
  };
}

/**
 * Cores of a machine, shared out: the first for the measuring client and this process, up to `cpus`
 * others for the server. `siblings` are threads of the first one's core: nobody gets them where
 * others are left, for a server on one could slow the client down at will.
 */
export function shareCores(
  online: readonly number[],
  cpus: number,
  siblings: readonly number[] = [],
): Pick<Rig, 'serverCpus' | 'meterCpus'> {
  const [first, ...rest] = online;
  if (first === undefined || rest.length === 0) return { serverCpus: null, meterCpus: null };
  const apart = rest.filter((core) => !siblings.includes(core));
  const server = apart.length > 0 ? apart : rest;
  return { meterCpus: String(first), serverCpus: server.slice(0, cpus).join(',') };
}
