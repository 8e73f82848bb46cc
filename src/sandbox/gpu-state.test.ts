// What nvidia-smi says of GPUs, read and judged.
import { describe, expect, it } from 'vitest';
import { gpuErrors, leftBehind, notIdle, parseGpus } from './gpu-state.ts';

describe('the state of GPUs', () => {
  const line = 'GPU-1, 112, 0, 41, 345, 1593, 0x0000000000000001, 0';
  it('is read as nvidia-smi prints it, with what it does not say left null', () => {
    expect(parseGpus(`${line}\nGPU-2, 0, [N/A], 40, 345, 1593, Not Active, [N/A]\n`)).toEqual([
      {
        uuid: 'GPU-1',
        memoryUsedMib: 112,
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
  it('S11 is idle without processes, memory, work and heat', () => {
    const [gpu] = parseGpus(line);
    expect(notIdle([gpu!], [])).toBeNull();
    expect(notIdle([gpu!], ['4711, 3000'])).toContain('4711');
    expect(notIdle([{ ...gpu!, memoryUsedMib: 9000 }], [])).toContain('9000 MiB');
    expect(notIdle([{ ...gpu!, temperatureC: 80 }], [])).toContain('80');
    expect(notIdle([{ ...gpu!, memoryUsedMib: 300 }], [])).toContain('300 MiB');
  });
  it('S11 is not idle while it is warmer than at the start, slowed down, or at another memory clock', () => {
    const [gpu] = parseGpus(line);
    const start = [gpu!];
    expect(notIdle([{ ...gpu!, temperatureC: 46 }], [], start)).toBeNull();
    expect(notIdle([{ ...gpu!, temperatureC: 47 }], [], start)).toContain('46 are allowed');
    expect(notIdle([{ ...gpu!, temperatureC: 66 }], [], [{ ...gpu!, temperatureC: 64 }])).toContain(
      '65 are allowed',
    );
    expect(notIdle([{ ...gpu!, throttleReasons: '0x0000000000000021' }], [])).toContain('slowed');
    expect(notIdle([{ ...gpu!, memoryClockMhz: 800 }], [], start)).toContain('1593 at the start');
  });
  it('is not idle where the driver does not say', () => {
    const [gpu] = parseGpus(line);
    for (const field of ['memoryUsedMib', 'utilisationPercent', 'temperatureC'])
      expect(notIdle([{ ...gpu!, [field]: null }], [])).toContain('does not say');
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
