// Sandbox escape attempts and their judgement: which outcomes show that the sandbox holds.
/** What became of one probe. */
export type ProbeResult = {
  readonly id: string;
  readonly what: string;
  readonly result: 'pass' | 'fail' | 'not-run';
  readonly detail: string;
};
/** What the program inside the container saw: an errno or `ok` by attempt. */
export type Sightings = Readonly<Record<string, string>>;
/** What the host saw around it. */
export type HostSightings = {
  readonly canaryHits: number;
  readonly volumePolicy: boolean;
  readonly oomKilled: boolean;
  readonly writableMounts: readonly string[];
  readonly residue: readonly string[];
};

const UNREACHABLE = ['ENETUNREACH', 'EADDRNOTAVAIL'];
const DENIED = ['EPERM', 'EACCES', 'EROFS', 'ENOENT', 'EIO', 'empty'];

type InsideProbe = {
  readonly id: string;
  readonly what: string;
  readonly prefixes: readonly string[];
  readonly good: readonly string[];
};

/**
 * What is attempted inside, by the prefix of its name, and which answers mean that the sandbox
 * holds (RULES "Escape probes").
 */
const INSIDE: readonly InsideProbe[] = [
  { id: 'C01', what: 'host service by a gateway', prefixes: ['gateway '], good: UNREACHABLE },
  {
    id: 'C02',
    what: 'host service by its other addresses',
    prefixes: ['host '],
    good: UNREACHABLE,
  },
  {
    id: 'C03',
    what: 'another container',
    prefixes: ['peer ', 'interfaces'],
    good: [...UNREACHABLE, 'lo'],
  },
  {
    id: 'C04',
    what: 'cloud metadata at 169.254.169.254',
    prefixes: ['metadata '],
    good: UNREACHABLE,
  },
  { id: 'C05', what: 'private networks', prefixes: ['lan '], good: UNREACHABLE },
  { id: 'C06', what: 'the internet, TCP and QUIC', prefixes: ['internet '], good: UNREACHABLE },
  {
    id: 'C07',
    what: "the engine's resolver",
    prefixes: ['resolver '],
    good: ['ECONNREFUSED', 'EAI_AGAIN', 'ENOTFOUND', 'ENETUNREACH'],
  },
  { id: 'C08', what: 'a resolver outside, UDP', prefixes: ['dns '], good: UNREACHABLE },
  {
    id: 'C09',
    what: 'IPv6 link-local and private',
    prefixes: ['ipv6 '],
    good: [...UNREACHABLE, 'EINVAL', 'EHOSTUNREACH', 'ENODEV', 'EAFNOSUPPORT'],
  },
  {
    id: 'C10',
    what: 'AF_VSOCK',
    prefixes: ['call socket AF_VSOCK', 'call socket AF_ALG'],
    good: ['EPERM'],
  },
  {
    id: 'C11',
    what: 'AF_PACKET, raw ICMP, pairs of network sockets',
    prefixes: ['call socket AF_PACKET', 'call socket raw', 'call socketpair'],
    good: ['EPERM'],
  },
  {
    id: 'C12',
    what: 'io_uring, bpf, perf, userfaultfd, keyctl, the page cache',
    prefixes: [
      'call io_uring',
      'call bpf',
      'call perf',
      'call userfaultfd',
      'call keyctl',
      'call add_key',
      'call cachestat',
      'call mincore',
      'call fadvise64',
      'call preadv2',
    ],
    good: ['EPERM'],
  },
  {
    id: 'C13',
    what: 'mount, namespaces, pivot_root, modules, devices',
    prefixes: [
      'call mount',
      'call umount',
      'call unshare',
      'call setns',
      'call pivot',
      'call chroot',
      'call ptrace',
      'call init_',
      'call kexec',
      'call swapon',
      'call open_by',
      'call syslog',
      'call clock_',
      'call mknod',
    ],
    good: ['EPERM'],
  },
  { id: 'C14', what: 'kernel files', prefixes: ['write /', 'read /'], good: DENIED },
  { id: 'C15', what: 'docker.sock, the runner, tokens', prefixes: ['there '], good: ['absent'] },
  { id: 'C17', what: 'filling the root or a volume', prefixes: ['fill root'], good: ['EROFS'] },
  {
    id: 'C18',
    what: 'fork, memory, tmpfs, inode and file bombs',
    prefixes: ['bomb '],
    good: ['ENOSPC', 'EMFILE', 'EAGAIN'],
  },
];

/** One probe from inside: every attempt must have met one of the good answers. */
function judgeInside(seen: Sightings, { id, what, prefixes, good }: InsideProbe): ProbeResult {
  const failed = (detail: string): ProbeResult => ({ id, what, result: 'fail', detail });
  const attempts = Object.entries(seen).filter(([name]) =>
    prefixes.some((prefix) => name.startsWith(prefix)),
  );
  const missing = prefixes.filter((prefix) => !attempts.some(([name]) => name.startsWith(prefix)));
  if (missing.length > 0) return failed(`not attempted: ${missing.join(', ')}`);
  const bad = attempts.filter(([, answer]) => !good.includes(answer));
  if (bad.length > 0)
    return failed(
      bad
        .map(([name, answer]) => `${name}: ${answer}`)
        .join('; ')
        .slice(0, 300),
    );
  const answers = [...new Set(attempts.map(([, answer]) => answer))].join(', ');
  return { id, what, result: 'pass', detail: `${attempts.length} attempts: ${answers}` };
}

/** What the host saw of a probe besides its attempts. */
type Seen = { readonly ok: boolean; readonly detail: string };

/** What the host saw, by the probe that it belongs to. */
function hostSeen(host: HostSightings): Readonly<Record<string, Seen>> {
  return {
    C01: {
      ok: host.canaryHits === 0,
      detail: `${host.canaryHits} connections at the host's canary`,
    },
    C17: {
      ok: host.volumePolicy,
      detail: host.volumePolicy
        ? 'images that declare a volume are refused'
        : 'an image with a volume was not refused',
    },
    C18: {
      ok: host.oomKilled,
      detail: host.oomKilled ? 'memory: killed at its limit' : 'memory: not killed',
    },
  };
}

function withHost(probe: ProbeResult, seen: Seen | undefined): ProbeResult {
  if (!seen) return probe;
  return seen.ok
    ? { ...probe, detail: `${probe.detail}; ${seen.detail}` }
    : { ...probe, result: 'fail', detail: `${seen.detail}; ${probe.detail}`.slice(0, 300) };
}

/** Probes that only the host can judge. */
function judgeOutside({ writableMounts, residue }: HostSightings, gpus: boolean): ProbeResult[] {
  const none = (list: readonly string[]): 'pass' | 'fail' => (list.length === 0 ? 'pass' : 'fail');
  return [
    {
      id: 'C16',
      what: 'ENV NVIDIA_VISIBLE_DEVICES=all',
      result: 'not-run',
      detail: gpus ? 'needs an image with CUDA: run it by hand' : 'no GPU here',
    },
    {
      id: 'C19',
      what: 'what leaves the container',
      result: none(writableMounts),
      detail:
        writableMounts.length === 0
          ? 'nothing is copied out, no mount can be written'
          : `writable: ${writableMounts.join(', ')}`,
    },
    {
      id: 'C20',
      what: 'residue after teardown',
      result: none(residue),
      detail: residue.length === 0 ? 'none (VRAM canary: not run)' : residue.join(', '),
    },
  ];
}

/** Judges the sightings. A probe without an attempt has not shown anything: it fails. */
export function judgeProbes(seen: Sightings, host: HostSightings, gpus: boolean): ProbeResult[] {
  const outer = hostSeen(host);
  const inside = INSIDE.map((probe) => withHost(judgeInside(seen, probe), outer[probe.id]));
  return [...inside, ...judgeOutside(host, gpus)].sort((a, b) => (a.id < b.id ? -1 : 1));
}
