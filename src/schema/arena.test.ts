// What an arena file may say.
import { rulesArena as arena } from '../testing/arena-fixture.ts';
import { describe, expect, it } from 'vitest';

import { QUICKNET_BEACON } from '../core/quicknet.ts';
import { parseArena } from './arena.ts';

describe('the arena file', () => {
  it('refuses unknown fields by name', () => {
    expect(() => parseArena({ ...arena, prize: 1 }, 'arena.json')).toThrow(/prize/);
    expect(() =>
      parseArena({ ...arena, deadlines: { ...arena.deadlines, strat: 1 } }, 'arena.json'),
    ).toThrow(/deadlines.*strat/);
  });
  it('wants a treasury that is an address, and a pinned genesis off loopback', () => {
    expect(() => parseArena({ ...arena, treasury: 'nobody' }, 'x')).toThrow(/treasury/);
    expect(() => parseArena({ ...arena, network: 'finney' }, 'x')).toThrow(/genesisHash/);
  });
  it('has the pinned beacon on public networks: another key or first pulse tells seeds early', () => {
    const finney = {
      ...arena,
      network: 'finney',
      genesisHash: `0x${'2'.repeat(64)}`,
      beacon: QUICKNET_BEACON,
    };
    expect(parseArena(finney, 'x').beacon).toEqual(QUICKNET_BEACON);
    for (const change of [
      { publicKey: `0x${'a'.repeat(192)}` },
      { genesisSeconds: QUICKNET_BEACON.genesisSeconds + 31_536_000 },
      { periodSeconds: 1 },
      { delaySeconds: 0 },
    ])
      expect(() =>
        parseArena({ ...finney, beacon: { ...QUICKNET_BEACON, ...change } }, 'x'),
      ).toThrow(/quicknet/);
    expect(() => parseArena({ ...finney, beacon: 'block' }, 'x')).toThrow(/quicknet/);
  });
});
