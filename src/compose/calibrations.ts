// Reads the calibration of a hardware tier, as the arena names it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../core/errors.ts';
import { sha256Hex } from '../core/hash.ts';
import { type Arena, ArenaError } from '../schema/arena.ts';
import { type Calibration, calibrationSchema } from '../schema/calibration.ts';

/**
 * `calibration/<tier>.json` in the folder of an arena file (RULES "Calibration"); null where the
 * arena names none for the tier. Throws `BAD_ARENA` for a file that is missing or another one.
 */
export function readCalibration(
  { name, calibration }: Pick<Arena, 'name' | 'calibration'>,
  folder: string,
  tier: string,
): Calibration | null {
  const expected = calibration[tier];
  if (expected === undefined) return null;
  const path = join(folder, 'calibration', `${tier}.json`);
  const bad = (what: string, hint: string): ArenaError =>
    new ArenaError('BAD_ARENA', 'usage', `the arena ${name}: ${path}: ${what}`, hint);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw bad(messageOf(error), 'the file belongs beside the arena file that names it').causedBy(
      error,
    );
  }
  if (sha256Hex(bytes) !== expected)
    throw bad(`its sha256 is ${sha256Hex(bytes)}`, `the arena names ${expected}`);
  const parsed = calibrationSchema.safeParse(JSON.parse(Buffer.from(bytes).toString()));
  if (!parsed.success || parsed.data.tier !== tier)
    throw bad('it is no calibration of this tier', 'make it again with the code of this version');
  return parsed.data;
}
