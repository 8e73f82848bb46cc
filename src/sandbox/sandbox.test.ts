// Tests of the sandbox: versions, container options, seccomp profile, probes and GPU state.
import { describe, expect, it } from 'vitest';
import { gpuErrors, leftBehind, notIdle, parseGpus } from './gpu-state.ts';
import { atLeast, tooOld } from './engine-versions.ts';
import { judgeProbes } from './escape-probes.ts';
import { sidecarOptions, serverOptions, shareCores, type Rig } from './container-options.ts';
import { seccompProfile } from './seccomp.ts';
import { readSyscallResults, SYSCALLS, syscallProgram } from './syscall-program.ts';

const minimums = {
  engine: ['28.0.0'],
  runc: ['1.2.8', '1.3.3'],
  toolkit: ['1.19.1'],
  driver: ['535.309.01', '580.159.03', '595.71.05'],
};

describe('preflight', () => {
  it('compares versions by their numbers', () => {
    expect(atLeast('28.5.2', '28.0.0')).toBe(true);
    expect(atLeast('20.10.24+dfsg1', '28.0.0')).toBe(false);
    expect(atLeast('1.10.0', '1.9.9')).toBe(true);
    expect(atLeast('NVIDIA Container Toolkit CLI version 1.19.1', '1.19.1')).toBe(true);
  });
  it('takes a fix in its own line, not a newer line without it', () => {
    const versions = { engine: '28.5.2', runc: '1.2.8', toolkit: null, driver: null };
    expect(tooOld(versions, minimums, false)).toEqual([]);
    expect(tooOld({ ...versions, runc: '1.3.1' }, minimums, false)).toEqual([
      'runc 1.3.1 is older than 1.2.8 or 1.3.3',
    ]);
    expect(tooOld({ ...versions, runc: '1.4.0' }, minimums, false)).toEqual([]);
    expect(tooOld({ ...versions, runc: '1.2.7' }, minimums, false)).toHaveLength(1);
    expect(tooOld({ ...versions, engine: null }, minimums, false)).toEqual([
      'engine is not there, 28.0.0 is needed',
    ]);
  });
  it('asks for GPU parts only where GPUs are used', () => {
    const versions = { engine: '29.4.0', runc: '1.3.3', toolkit: '1.18.0', driver: '580.160.00' };
    expect(tooOld(versions, minimums, false)).toEqual([]);
    expect(tooOld(versions, minimums, true)).toEqual(['toolkit 1.18.0 is older than 1.19.1']);
  });
});

describe('the sandbox’s options', () => {
  const rules = {
    memoryGb: 200,
    cpus: 32,
    pids: 4096,
    shmGb: 16,
    tmpGb: 16,
    cacheGb: 32,
    files: 65_536,
  };
  const rig: Rig = {
    serverCpus: '1,2',
    meterCpus: '0',
    gpus: { by: 'cdi', ids: ['GPU-a', 'GPU-b'] },
    models: '/weights',
  };

  it('are what the rules ask for', () => {
    const options = serverOptions({ image: 'name@sha256:0' }, rules, rig, 'me');
    expect(options).toMatchObject({
      User: '10001:10001',
      Healthcheck: { Test: ['NONE'] },
      StopSignal: 'SIGKILL',
      StopTimeout: 1,
      Tty: false,
    });
    expect(options['HostConfig']).toMatchObject({
      NetworkMode: 'none',
      CapDrop: ['ALL'],
      CapAdd: [],
      ReadonlyRootfs: true,
      Memory: 200 * 1024 ** 3,
      MemorySwap: 200 * 1024 ** 3,
      PidsLimit: 4096,
      CpusetCpus: '1,2',
      ShmSize: 16 * 1024 ** 3,
      IpcMode: 'private',
      CgroupnsMode: 'private',
      LogConfig: { Type: 'none' },
      RestartPolicy: { Name: 'no' },
      Init: true,
      AutoRemove: false,
      OomScoreAdj: 500,
      Privileged: false,
      Binds: ['/weights:/models:ro'],
      DeviceRequests: [
        { Driver: 'cdi', DeviceIDs: ['nvidia.com/gpu=GPU-a', 'nvidia.com/gpu=GPU-b'] },
      ],
    });
    expect(options).not.toHaveProperty('Cmd'); // a miner's entrypoint runs without arguments
    const env = options['Env'] as string[];
    expect(env).toEqual(
      expect.arrayContaining([
        'MODEL_PATH=/models',
        'PORT=8000',
        'HOME=/tmp',
        'NVIDIA_VISIBLE_DEVICES=void',
      ]),
    );
    const { Tmpfs, SecurityOpt } = options['HostConfig'] as {
      Tmpfs: Record<string, string>;
      SecurityOpt: string[];
    };
    expect(Tmpfs['/tmp']).toMatch(/noexec.*size=17179869184.*nr_inodes=65536/);
    expect(Tmpfs['/cache']).toMatch(/,exec,.*uid=10001/);
    expect(SecurityOpt).toContain('no-new-privileges:true');
  });
  it('keep the measuring client off the server’s cores, and out of everything but its network', () => {
    const meter = sidecarOptions(
      { image: 'tools', command: ['/node', '/app/meter.cjs'] },
      'abc',
      rig,
      'me',
    );
    expect(meter['HostConfig']).toMatchObject({
      NetworkMode: 'container:abc',
      CpusetCpus: '0',
      CapDrop: ['ALL'],
      ReadonlyRootfs: true,
    });
    expect(meter['HostConfig']).not.toHaveProperty('Binds');
    expect(meter).toMatchObject({ User: '10002:10002', StdinOnce: true });
  });
  it('share out the cores there are', () => {
    expect(shareCores([0, 1, 2, 3], 2)).toEqual({ meterCpus: '0', serverCpus: '1,2' });
    expect(shareCores([4], 32)).toEqual({ meterCpus: null, serverCpus: null });
  });
});

describe('the seccomp profile', () => {
  type Rule = { names: string[]; action: string; args?: { index: number; value: number }[] };
  const { syscalls, defaultAction } = seccompProfile() as {
    syscalls: Rule[];
    defaultAction: string;
  };
  const free = syscalls
    .filter(({ action, args }) => action === 'SCMP_ACT_ALLOW' && !args)
    .flatMap(({ names }) => names);

  it('refuses what it does not name', () => {
    expect(defaultAction).toBe('SCMP_ACT_ERRNO');
    for (const name of 'mount umount2 pivot_root setns unshare ptrace bpf perf_event_open userfaultfd keyctl add_key io_uring_setup init_module kexec_load reboot swapon chroot open_by_handle_at clock_settime settimeofday iopl syslog personality socket clone clone3'.split(
      ' ',
    ))
      expect(free).not.toContain(name);
  });
  it('names nothing twice, and lets NUMA pinning work', () => {
    expect(new Set(free).size).toBe(free.length);
    expect(free).toEqual(
      expect.arrayContaining(['mbind', 'set_mempolicy', 'openat', 'futex', 'epoll_wait']),
    );
  });
});

describe('the program of system calls', () => {
  it('is a static ELF file of some kilobytes', () => {
    const program = syscallProgram(SYSCALLS);
    expect([...program.subarray(0, 5)]).toEqual([0x7f, 0x45, 0x4c, 0x46, 2]);
    expect(program.length).toBeLessThan(10_000);
    expect(
      readSyscallResults([{ name: 'x', nr: 1, args: [] }], new Uint8Array(64).fill(255)).get('x'),
    ).toBe(-1);
  });
});

describe('the probes’ judgement', () => {
  const host = {
    canaryHits: 0,
    volumePolicy: true,
    oomKilled: true,
    writableMounts: [],
    residue: [],
  };
  it('fails where something was reached, allowed, or not tried', () => {
    const result = (seen: Record<string, string>, id: string, more: object = {}) =>
      judgeProbes(seen, { ...host, ...more }, false).find((probe) => probe.id === id)!.result;
    expect(result({ 'gateway 172.17.0.1': 'ENETUNREACH' }, 'C01')).toBe('pass');
    expect(result({ 'gateway 172.17.0.1': 'REACHED' }, 'C01')).toBe('fail');
    expect(result({ 'gateway 172.17.0.1': 'ENETUNREACH' }, 'C01', { canaryHits: 1 })).toBe('fail');
    expect(result({}, 'C01')).toBe('fail');
    expect(result({ 'metadata tcp': 'timeout' }, 'C04')).toBe('fail');
    expect(result({}, 'C19', { writableMounts: ['/data'] })).toBe('fail');
    expect(result({}, 'C20', { residue: ['volume x'] })).toBe('fail');
    expect(judgeProbes({}, host, false)).toHaveLength(20);
  });
});

describe('the state of GPUs', () => {
  const line = 'GPU-1, 512, 0, 41, 345, 1593, 0x0000000000000001, 0';
  it('is read as nvidia-smi prints it, with what it does not say left null', () => {
    expect(parseGpus(`${line}\nGPU-2, 0, [N/A], 40, 345, 1593, Not Active, [N/A]\n`)).toEqual([
      {
        uuid: 'GPU-1',
        memoryUsedMib: 512,
        utilisationPercent: 0,
        temperatureC: 41,
        smClockMhz: 345,
        memoryClockMhz: 1593,
        throttleReasons: '0x0000000000000001',
        uncorrectedEcc: 0,
      },
      {
        uuid: 'GPU-2',
        memoryUsedMib: 0,
        utilisationPercent: null,
        temperatureC: 40,
        smClockMhz: 345,
        memoryClockMhz: 1593,
        throttleReasons: 'Not Active',
        uncorrectedEcc: null,
      },
    ]);
  });
  it('reads what nvidia-smi 580 prints of an H200, idle and at work', () => {
    // From one machine (.github/measurements); the UUID is zeroed.
    const uuid = 'GPU-00000000-0000-0000-0000-000000000000';
    const [idle] = parseGpus(`${uuid}, 0, 0, 34, 345, 3201, 0x0000000000000001, 0\n`);
    expect(idle).toEqual({
      uuid,
      memoryUsedMib: 0,
      utilisationPercent: 0,
      temperatureC: 34,
      smClockMhz: 345,
      memoryClockMhz: 3201,
      throttleReasons: '0x0000000000000001',
      uncorrectedEcc: 0,
    });
    expect(notIdle([idle!], [])).toBeNull();
    const [busy] = parseGpus(`${uuid}, 18215, 100, 55, 1980, 3201, 0x0000000000000000, 0\n`);
    expect(notIdle([busy!], [])).toContain('18215 MiB');
    expect(notIdle([idle!], ['1554, 18206'])).toContain('1554');
  });
  it('is idle without processes, memory, work and heat', () => {
    const [gpu] = parseGpus(line);
    expect(notIdle([gpu!], [])).toBeNull();
    expect(notIdle([gpu!], ['4711, 3000'])).toContain('4711');
    expect(notIdle([{ ...gpu!, memoryUsedMib: 9000 }], [])).toContain('9000 MiB');
    expect(notIdle([{ ...gpu!, temperatureC: 80 }], [])).toContain('80');
  });
  it('takes an error that any crashed program leaves for none of the GPU', () => {
    const line = (xid: number): string =>
      `[1.0] NVRM: Xid (PCI:0000:0a:00): ${xid}, pid=4711, name=python3`;
    expect(gpuErrors([13, 31, 43, 45, 48, 79, 119].map(line))).toEqual([48, 79, 119].map(line));
    expect(gpuErrors(['NVRM: Xid in a form nobody knows'])).toHaveLength(1);
  });
  it('tells what a server left behind', () => {
    const [gpu] = parseGpus(line);
    expect(leftBehind([gpu!], [gpu!])).toBeNull();
    expect(leftBehind([gpu!], [{ ...gpu!, uncorrectedEcc: 1 }])).toContain('ECC');
    expect(leftBehind([gpu!], [])).toContain('1 GPUs before, 0 now');
  });
});
