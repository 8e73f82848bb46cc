// Tests of how GPUs are requested from different versions of the Docker engine.
import { describe, expect, it } from 'vitest';
import { gpuAccess } from './docker-host.ts';

const CDISpecDirs = ['/etc/cdi', '/var/run/cdi'];
const found = (...names: string[]) =>
  names.map((name) => ({ Source: 'cdi', ID: `nvidia.com/gpu=${name}` }));

describe('how an engine is asked for GPUs', () => {
  it.each([
    ['20.10, which knows no CDI', { ServerVersion: '20.10.24+dfsg1' }, 'nvidia'],
    ['27 with CDI turned on', { ServerVersion: '27.5.1', CDISpecDirs }, 'cdi'],
    ['27 without', { ServerVersion: '27.5.1', CDISpecDirs: null }, 'nvidia'],
    [
      '29 that found both',
      {
        ServerVersion: '29.0.0',
        CDISpecDirs,
        DiscoveredDevices: found('0', '1', 'GPU-a', 'GPU-b'),
      },
      'cdi',
    ],
    [
      '29 that found one',
      { ServerVersion: '29.0.0', CDISpecDirs, DiscoveredDevices: found('GPU-a') },
      'nvidia',
    ],
    [
      '29 that found nothing, and so says nothing',
      { ServerVersion: '29.0.0', CDISpecDirs },
      'nvidia',
    ],
  ])('%s', (_, info, access) => {
    expect(gpuAccess(info, ['GPU-a', 'GPU-b'])).toBe(access);
  });
});
