// Every engine, honest and cheating: its verdict is the one that the README tells.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../compose/repository.ts';
import { silentLog } from '../core/log.ts';
import { type Contender, playRedTeam, verdictOf } from './red-team.ts';

let judged: readonly Contender[] = [];
beforeAll(async () => {
  judged = await playRedTeam(silentLog);
}, 300_000);

/** Verdicts by engine, as the table in the README has them. */
function toldVerdicts(): Record<string, string> {
  const readme = readFileSync(join(ROOT, 'src/devnet/README.md'), 'utf8');
  const table = readme.slice(readme.indexOf('red team:'), readme.indexOf('end of red team'));
  const rows = table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  return Object.fromEntries(
    rows
      .filter((cells) => cells[1]?.startsWith('`'))
      .map((cells) => [cells[1]!.slice(1, -1), cells[4]!]),
  );
}

describe('the red team', () => {
  it('has the verdicts that the README tells', () => {
    const found = Object.fromEntries(judged.map((one) => [one.variant.name, verdictOf(one)]));
    expect(found).toEqual(toldVerdicts());
  });
  it('is refused wherever it changes many tokens, and nobody honest is', () => {
    for (const { variant, verdict } of judged) {
      if (variant.altersTokens === true) expect(verdict, variant.name).toBe('E_GATE');
      if (variant.honest) expect(verdict, variant.name).toBe('VALID');
    }
  });
  it('gains nothing by its times: who only guesses, holds back or packs is no faster than honest', () => {
    const plain = judged.find(({ variant }) => variant.name === 'plain')!.score;
    for (const { variant, score } of judged)
      if (!variant.honest && variant.altersTokens === undefined && variant.kernel !== 'simd')
        expect(score, variant.name).toBeLessThan(plain + 0.4);
  });
});
