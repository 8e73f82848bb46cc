// A round as rows, and as a page that opens from disk and shows whatever miners wrote as text.
import { beforeAll, describe, expect, it } from 'vitest';
import { readLedger, recordsOf } from '../ledger/read.ts';
import { keyOf } from '../testing/contestants.ts';
import { ledgerFixture } from '../testing/ledger-fixture.ts';
import { reportHtml } from './page.ts';
import { reportRound, type ReportRound } from './round-rows.ts';

let rounds: ReportRound[];
beforeAll(async () => {
  const { validator, files } = await ledgerFixture();
  const ledger = readLedger(validator, files);
  rounds = recordsOf(ledger, 'round').map(({ predicate }) =>
    reportRound(predicate, (hotkey) => `miner ${hotkey.slice(0, 6)}`),
  );
});

describe('a round as rows', () => {
  it('has the best score first, with times beside those of the baseline', () => {
    const [first] = rounds;
    expect(first!.winner).toBe(keyOf('fast'));
    expect(first!.entries[0]).toMatchObject({ key: keyOf('fast'), verdict: 'VALID' });
    expect(first!.baseline!.ttftNs).toBe(170e6);
    expect(first!.entries[0]!.ttftNs).toBe(85e6);
    expect(first!.entries[0]!.trace).toBe(
      `traces/0/1/${keyOf('fast').replace(':', '-')}.ndjson.gz`,
    );
    expect(first!.outcome).toMatch(/^miner \w+ takes the throne: /);
    const scores = first!.entries.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  });
});

describe('the page', () => {
  const page = (over: object = {}) =>
    reportHtml({
      title: 'Test',
      made: 'today',
      results: '../results',
      rounds,
      weights: [{ uid: 2, weight: 65535, who: 'fast' }],
      audit: { ok: true, faults: 0 },
      ...over,
    });
  it('shows every round, newest first, and loads nothing', () => {
    const text = page();
    expect(text.indexOf('Round at block 300')).toBeLessThan(text.indexOf('Round at block 100'));
    expect(text).toContain("default-src 'none'");
    expect(text).not.toMatch(/<script|https?:|src=/);
    expect(text).toContain('passed');
    expect(text).toContain("The baseline in a challenger's slot, beside itself: 0.0000.");
    const without = rounds.map((round) => ({ ...round, control: null }));
    expect(page({ rounds: without })).not.toContain('slot');
    expect(page({ audit: { ok: false, faults: 3 } })).toContain('3 faults');
    expect(page({ audit: null })).not.toContain('Audit of the ledger');
  });
  it('links every number to the record or the trace that it follows from', () => {
    const text = page();
    const { validator, block, entries } = rounds[0]!;
    const folder = `../results/${validator}/rounds/${block}`;
    for (const path of ['plan.json', 'round.json', 'round.json.sig', entries[0]!.trace!])
      expect(text).toContain(`href="${folder}/${path}"`);
    const numbers = [...text.matchAll(/<td class="n">(?!<a )([^<]*)</g)].map(([, cell]) => cell);
    // Weights alone have no link: the chain is their evidence.
    expect(numbers).toEqual(['2', '65535', '100 %']);
  });
  it('says the newest outcome once, and what words and failed verdicts mean', () => {
    const text = page();
    expect(text.split(rounds[1]!.outcome)).toHaveLength(2);
    expect(text).toContain('href="#E_GATE"');
    expect(text).toContain('<dt id="E_GATE">');
    expect(text).toMatch(/<dt>margin<\/dt><dd>.*RULES “Margin”/);
  });
  it("shows a miner's text as text", () => {
    const hostile = `"><script>alert('x')</script>`;
    const entries = rounds[0]!.entries.map((entry) => ({
      ...entry,
      miner: hostile,
      image: hostile,
      reason: hostile,
    }));
    const text = page({ rounds: [{ ...rounds[0]!, entries }] });
    expect(text).not.toContain('<script');
    expect(text).toContain('&lt;script&gt;');
  });
});
