// Reads the calibration of a hardware tier, as the arena names it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderJson } from '../core/canonical.ts';
import { messageOf } from '../core/errors.ts';
import { sha256Hex } from '../core/hash.ts';
import { uncaught } from '../judge/calibration-limits.ts';
import { checkSignature } from '../ledger/verify.ts';
import { type Arena, ArenaError } from '../schema/arena.ts';
import { type Calibration, calibrationSchema } from '../schema/calibration.ts';

type CalibratedArena = Pick<Arena, 'name' | 'network' | 'calibration' | 'calibrationKey' | 'gate'>;

/** What is wrong with a calibration file, and what to do; null where nothing is. */
function faultOf(
  bytes: Uint8Array,
  { calibration, calibrationKey, gate }: CalibratedArena,
  { tier, path }: { readonly tier: string; readonly path: string },
): readonly [what: string, hint: string] | null {
  const sha256 = sha256Hex(bytes);
  if (sha256 !== calibration[tier])
    return [`its sha256 is ${sha256}`, `the arena names ${calibration[tier] ?? 'none'}`];
  const parsed = calibrationSchema.safeParse(JSON.parse(Buffer.from(bytes).toString()));
  if (!parsed.success) return ['it is no calibration', 'make it again with this version'];
  if (parsed.data.tier !== tier)
    return [`it is of the tier ${parsed.data.tier}`, 'each tier has a calibration of its own'];
  if (renderJson(parsed.data) !== Buffer.from(bytes).toString())
    return ['it was edited', 'make it again: a plan holds it whole, in one form'];
  if (calibrationKey !== null) {
    const signature = existsSync(`${path}.sig`) ? readFileSync(`${path}.sig`, 'utf8') : null;
    if (signature === null) return ['it is not signed', `${calibrationKey} must sign it`];
    const wrong = checkSignature(bytes, signature, calibrationKey);
    if (wrong) return [wrong.message, `${calibrationKey} must sign it`];
  }
  const [missed] = uncaught(parsed.data);
  const absent = gate.mustCatch.find(
    (name) => !parsed.data.detection.some(({ control, must }) => control === name && must),
  );
  if (!missed && absent === undefined) return null;
  return [
    `the control ${missed?.control ?? absent ?? ''} is not caught`,
    'no round is judged by a gate that lets it pass: calibrate again',
  ];
}

/**
 * `calibration/<tier>.json` in the folder of an arena file (RULES "Calibration"); null on a local
 * chain whose arena names none for the tier. Throws `BAD_ARENA` for a file that is missing, another
 * one, not signed by the arena's key, or whose controls pass the gate.
 */
export function readCalibration(
  arena: CalibratedArena,
  folder: string,
  tier: string,
): Calibration | null {
  const path = join(folder, 'calibration', `${tier}.json`);
  const bad = (what: string, hint: string): ArenaError =>
    new ArenaError('BAD_ARENA', 'usage', `the arena ${arena.name}: ${path}: ${what}`, hint);
  if (arena.calibration[tier] === undefined) {
    if (arena.network === 'local') return null;
    throw bad(
      `the arena names no calibration of the tier ${tier}`,
      'run cacheon calibrate on this hardware: without one the gate is a guess, and no round is planned',
    );
  }
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw bad(messageOf(error), 'the file belongs beside the arena file that names it').causedBy(
      error,
    );
  }
  const fault = faultOf(bytes, arena, { tier, path });
  if (fault) throw bad(...fault);
  return calibrationSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
}
