// Tables of the calibrations in this repository, from their files.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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
  const rows = summariseClasses(runs, calibration, arena).map((row) => [
    ...[`\`${row.name}\``, row.kind, row.runs, nats(row.meanNats), nats(row.largestNats)],
    row.noiseNats === null ? '' : nats(row.noiseNats),
    `${row.refusedRuns} of ${row.runs}`,
    `${percent(row.twoBoots)} (${percent(row.low)} to ${percent(row.high)})`,
  ]);
  const { margins, nearTies } = calibration;
  const honest = runs.classes.filter(({ kind }) => kind === 'honest');
  const count = honest.reduce((sum, item) => sum + item.runs.length, 0);
  const refused = rows.filter(
    (_, i) => runs.classes[i]!.kind === 'honest' && !String(rows[i]![6]).startsWith('0 '),
  );
  return [
    '| class | kind | runs | mean margin, nat | largest | noise, nat | refused alone | refused in two boots, % |',
    '|---|---|---|---|---|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
    `${count} honest runs of ${honest.length} classes, ${refused.length === 0 ? 'none refused' : `refused in ${refused.length} classes`}. Limit on the mean of one boot: ${nats(Math.max(arena.gate.floorNats, arena.gate.meanFactor * margins.p999Nats))} nat (noisiest: \`${margins.noisiest}\`); noise at near-ties taken for ${nats(Math.max(arena.gate.floorNoiseNats, nearTies?.noiseNats ?? 0))} nat${nearTies ? ` (\`${nearTies.noisiest}\`: ${nats(nearTies.noiseNats)})` : ''}.`,
  ].join('\n');
}
