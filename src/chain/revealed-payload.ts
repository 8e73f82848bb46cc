// The text inside a revealed commitment, as the Bittensor SDK and other tools seal commitments.
import { readCompact } from './scale.ts';

/**
 * How a revealed commitment was read: as the SDK writes it, as plain bytes, or by the SDK's own
 * lenient rule.
 */
export type Revealed = { readonly bytes: Uint8Array; readonly how: 'scale' | 'bare' | 'lenient' };

const OPENS_JSON = /[{\s]/;
/** Bytes that the SDK's reader skips, by the low bits of the first byte. */
const SKIPPED = [1, 2, 4, 4] as const;

/**
 * The text inside a revealed commitment. The Bittensor SDK seals a SCALE string, whose compact
 * length must equal the length of the rest. Other tools seal the text alone: JSON starts with `{`,
 * which no compact length does. Else the SDK's own reader counts: it skips 1, 2 or 4 bytes by the
 * first byte's low bits and checks nothing, so this function reads the same text that a miner sees
 * there. Never throws.
 */
export function readRevealed(bytes: Uint8Array): Revealed {
  const length = readCompact(bytes);
  if (length && length.size + length.value === bytes.length)
    return { bytes: bytes.subarray(length.size), how: 'scale' };
  if (bytes.length === 0 || OPENS_JSON.test(String.fromCharCode(bytes[0]!)))
    return { bytes, how: 'bare' };
  return { bytes: bytes.subarray(SKIPPED[bytes[0]! & 3]), how: 'lenient' };
}
