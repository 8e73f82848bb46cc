// Every verdict of a miner has its mend, and every rule that a mend cites is there.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mendOf, VERDICT_MENDS } from './verdict-mends.ts';
import { isMinerFault, VERDICTS } from './verdicts.ts';

describe('the mends of verdicts', () => {
  it.each(VERDICTS.filter(isMinerFault))('%s has one', (verdict) => {
    expect(mendOf(verdict)).toBe(VERDICT_MENDS[verdict]);
  });
  it('cite rules that stand in the rulebook', () => {
    const rules = readFileSync(new URL('../../.github/RULES.md', import.meta.url), 'utf8');
    for (const { rule } of Object.values(VERDICT_MENDS)) expect(rules).toContain(`\n### ${rule}\n`);
  });
  it('are none for what is nobody’s fault', () => {
    expect([mendOf('VALID'), mendOf('INFRA_HOST'), mendOf('toString')]).toEqual([null, null, null]);
  });
});
