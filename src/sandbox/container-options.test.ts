// What a server's container may do, and what it shares with nobody.
import { describe, expect, it } from 'vitest';
import { coreList } from './io/engine-host.ts';
import { sidecarOptions, serverOptions, shareCores, type Rig } from './container-options.ts';

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
    runtime: 'runc',
  };

  it('name gVisor where the arena asks for it, for the server alone', () => {
    const own = { ...rig, runtime: 'runsc' } as const;
    const server = serverOptions({ image: 'name@sha256:0' }, rules, own, 'me');
    expect(server['HostConfig']).toMatchObject({ Runtime: 'runsc' });
    const meter = sidecarOptions({ image: 'meter', command: ['node'] }, 'server', own, 'me');
    expect(meter['HostConfig']).not.toHaveProperty('Runtime');
  });
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
  it('leave the measuring client’s core to it alone, its other thread too, where there are others', () => {
    expect(shareCores([0, 1, 2, 3], 8, [0, 2])).toEqual({ meterCpus: '0', serverCpus: '1,3' });
    expect(shareCores([0, 1], 8, [0, 1])).toEqual({ meterCpus: '0', serverCpus: '1' });
    expect(coreList('0-3,8,10-11\n')).toEqual([0, 1, 2, 3, 8, 10, 11]);
  });
});
