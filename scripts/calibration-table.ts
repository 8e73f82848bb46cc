// Tables of the calibrations in this repository, from their files.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { calibrated, meanLimitNats } from '../src/judge/margin-limits.ts';
import { honestNoise } from '../src/judge/near-ties.ts';
import { summariseClasses } from '../src/judge/two-boots.ts';
import { parseArena } from '../src/schema/arena.ts';
import { calibrationRunsSchema, calibrationSchema } from '../src/schema/calibration.ts';

const DEVNET = join(import.meta.dirname, '../src/devnet');
const json = (path: string): unknown => JSON.parse(readFileSync(join(DEVNET, path), 'utf8'));
const nats = (value: number): string => (value === 0 ? '0' : value.toPrecision(2));
const percent = (value: number): string => (100 * value).toFixed(0);

/** The classes of `calibration/<tier>.json`, as a Markdown table. */
export function calibrationTable(tier: string): string {
  const calibration = calibrationSchema.parse(json(`calibration/${tier}.json`));
  const runs = calibrationRunsSchema.parse(json(`calibration/${tier}.runs.json`));
  const arena = parseArena(json('arena.json'), 'src/devnet/arena.json');
  const found = summariseClasses(runs, calibration, arena);
  const rows = found.map((row) => [
    ...[`\`${row.name}\``, row.kind, row.runs, nats(row.meanNats), nats(row.largestNats)],
    row.noiseNats === null ? '' : nats(row.noiseNats),
    `${row.refusedRuns} of ${row.runs}`,
    `${percent(row.twoBoots)} (${percent(row.low)} to ${percent(row.high)})`,
  ]);
  const honest = found.filter(({ kind }) => kind === 'honest');
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
  const count = sum(honest.map((row) => row.runs));
  const refused = sum(honest.map((row) => row.refusedRuns));
  const held = calibrated(arena, calibration);
  const { margins, nearTies } = calibration;
  const noise = nearTies
    ? `; noise at near-ties taken for ${nats(honestNoise(held)!)} nat (\`${nearTies.noisiest}\`: ${nats(nearTies.noiseNats)})`
    : '';
  return [
    '| class | kind | runs | mean margin, nat | largest | noise, nat | refused alone | refused in two boots, % |',
    '|---|---|---|---|---|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
    `${count} honest runs of ${honest.length} classes, ${refused === 0 ? 'none' : refused} refused. Limit on the mean of one boot: ${nats(meanLimitNats(held))} nat (noisiest: \`${margins.noisiest}\`)${noise}.`,
  ].join('\n');
}
