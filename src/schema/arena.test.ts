// What an arena file may say.
import { rulesArena as arena } from '../testing/arena-fixture.ts';
import { describe, expect, it } from 'vitest';

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
});
