// Reads the calibration of a hardware tier, as the arena names it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderJson } from '../core/canonical.ts';
import { messageOf } from '../core/errors.ts';
import { parseStrictJson, RECORD_JSON } from '../core/strict-json.ts';
import { sha256Hex } from '../core/hash.ts';
import { LEAST_NOISE_BOOTS, uncaught } from '../judge/calibration-limits.ts';
import { checkSignature } from '../ledger/verify.ts';
import { type Arena, ArenaError } from '../schema/arena.ts';
import { type Calibration, calibrationSchema } from '../schema/calibration.ts';

type CalibratedArena = Pick<Arena, 'name' | 'network' | 'calibration' | 'calibrationKey' | 'gate'>;

type Fault = readonly [what: string, hint: string];

/** A calibration from its bytes; null where they are none in the one form that a plan holds. */
function parse(bytes: Uint8Array): Calibration | null {
  const text = Buffer.from(bytes).toString();
  try {
    const calibration = calibrationSchema.parse(parseStrictJson(text, RECORD_JSON));
    return renderJson(calibration) === text ? calibration : null;
  } catch {
    return null;
  }
}

/** What is wrong with the signature beside a calibration file; null where it needs none. */
function signatureFault(bytes: Uint8Array, path: string, key: string | null): Fault | null {
  if (key === null) return null;
  const signature = existsSync(path) ? readFileSync(path, 'utf8') : null;
  if (signature === null) return ['it is not signed', `${key} must sign it`];
  const wrong = checkSignature(bytes, signature, key);
  return wrong ? [wrong.message, `${key} must sign it`] : null;
}

/** What a calibration says that no round may be judged by; null where nothing. */
function contentFault(
  calibration: Calibration,
  { network, gate }: CalibratedArena,
  tier: string,
): Fault | null {
  const { noiseBoots, detection } = calibration;
  if (calibration.tier !== tier)
    return [`it is of the tier ${calibration.tier}`, 'each tier has a calibration of its own'];
  if (network !== 'local' && noiseBoots < LEAST_NOISE_BOOTS)
    return [`its noise is of ${noiseBoots} boots`, `measure ${LEAST_NOISE_BOOTS} at least`];
  const [missed] = uncaught(calibration);
  const absent = gate.mustCatch.find(
    (name) => !detection.some(({ control, must }) => control === name && must),
  );
  const passing = missed?.control ?? absent;
  if (passing === undefined) return null;
  return [
    `the control ${passing} is not caught`,
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
  const sha256 = sha256Hex(bytes);
  if (sha256 !== arena.calibration[tier])
    throw bad(`its sha256 is ${sha256}`, `the arena names ${arena.calibration[tier]}`);
  const calibration = parse(bytes);
  if (!calibration) throw bad('it is no calibration, or was edited', 'make it again');
  const fault =
    signatureFault(bytes, `${path}.sig`, arena.calibrationKey) ??
    contentFault(calibration, arena, tier);
  if (fault) throw bad(...fault);
  return calibration;
}
