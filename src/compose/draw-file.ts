// The draw of a plan as a file beside its evidence.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from './errors.ts';
import { renderJson } from '../core/canonical.ts';
import { messageOf } from '../core/errors.ts';
import { parseStrictJson, RECORD_JSON } from '../core/strict-json.ts';
import { writeWhole } from '../node/atomic-file.ts';
import { ARTIFACTS, type Draw, drawSchema } from '../schema/artifacts.ts';

/** Writes a draw into a folder. */
export function writeDraw(folder: string, draw: Draw): void {
  writeWhole(join(folder, ARTIFACTS.draw), renderJson(draw));
}

/** The draw in a folder; null where there is none. Throws `USAGE` for a file that is none. */
export function readDraw(folder: string): Draw | null {
  const file = join(folder, ARTIFACTS.draw);
  if (!existsSync(file)) return null;
  try {
    return drawSchema.parse(parseStrictJson(readFileSync(file, 'utf8'), RECORD_JSON));
  } catch (error) {
    throw new UsageError(
      `${file} is no draw: ${messageOf(error).replace(/\s+/g, ' ').slice(0, 200)}`,
      'draw again: cacheon draw --round BLOCK --out DIR',
    );
  }
}
