// The page in a real browser: what axe finds, whether a phone shows it, how small its text is.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { lookAt } from '../../scripts/look.ts';
import { readLedger, recordsOf } from '../ledger/read.ts';
import { ledgerFixture } from '../testing/ledger-fixture.ts';
import { reportHtml } from './page.ts';
import { reportRound } from './round-rows.ts';

const CHROMIUM = existsSync(process.env['CHROMIUM'] ?? '/usr/bin/chromium');
if (!CHROMIUM) console.warn('skipped: the page in a browser (no Chromium here)');
const folder = mkdtempSync(join(tmpdir(), 'page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!CHROMIUM)('the page in Chromium', () => {
  it(
    'has nothing for axe, fits a phone, and its text can be read, light and dark',
    { timeout: 120_000 },
    async () => {
      const { validator, files } = await ledgerFixture();
      const rounds = recordsOf(readLedger(validator, files), 'round').map(({ predicate }) =>
        reportRound(predicate, (hotkey) => `miner ${hotkey.slice(0, 6)}`),
      );
      const page = join(folder, 'index.html');
      const weights = [{ uid: 2, weight: 65535, who: 'fast' }];
      const rest = { title: 'Test', made: 'today', results: 'results', weights };
      writeFileSync(page, reportHtml({ ...rest, rounds, audit: { ok: false, faults: 1 } }));
      for (const { width, scheme, faults, overflow, smallestPx } of await lookAt(page, null)) {
        expect(faults, `${width} ${scheme}`).toEqual([]);
        expect(overflow, `${width} ${scheme}`).toBeLessThanOrEqual(0);
        expect(smallestPx, `${width} ${scheme}`).toBeGreaterThanOrEqual(12);
      }
    },
  );
});
