// The clock that measures: it has nothing to do with the time of day.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ROOT } from '../compose/repository.ts';
import { monotonicClock } from './monotonic-clock.ts';

afterEach(() => void vi.useRealTimers());

describe('F16 the clock of a measurement', () => {
  it.each([10, -10])('goes on where the time of day jumps by %i minutes', (minutes) => {
    const before = monotonicClock.nowNs();
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + minutes * 60_000);
    const passed = monotonicClock.nowNs() - before;
    expect(passed).toBeGreaterThanOrEqual(0);
    expect(passed).toBeLessThan(60e9);
  });

  it('is the only one: nothing that measures or judges asks for the time of day', () => {
    for (const room of ['measure', 'judge', 'answers', 'pipeline/evaluate'])
      for (const path of readdirSync(join(ROOT, 'src', room), { recursive: true }) as string[]) {
        if (!path.endsWith('.ts') || path.includes('.test.')) continue;
        const text = readFileSync(join(ROOT, 'src', room, path), 'utf8');
        const asked = [...text.matchAll(/Date\.now\(\)|new Date\(\)|performance\.now/g)];
        expect(asked.length === 0 || `${room}/${path}: ${asked[0]![0]}`).toBe(true);
      }
  });
});
