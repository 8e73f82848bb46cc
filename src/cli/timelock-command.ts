// Commands that encrypt data until a drand round, and decrypt with that round's signature.
import { type Beacon, PUBLIC_KEY_BYTES, QUICKNET } from '../beacon/pulses.ts';
import { sealEntropy } from '../chain/io/entropy.ts';
import { open, seal } from '../chain/timelock.ts';
import { UsageError } from '../compose/errors.ts';
import { fromHex, toHex } from '../core/bytes.ts';
import type { Invocation, RunCommand } from './command.ts';
import { optional, required, wholeNumber } from './options.ts';

/** Longest input: a weights commit has at most 5,000 bytes. */
const MAX_INPUT_HEX = 65_536;

/** Hex from stdin. */
async function readHex(what: string): Promise<Uint8Array> {
  let text = '';
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.length > MAX_INPUT_HEX)
      throw new UsageError(`${what} on stdin is longer than ${MAX_INPUT_HEX} digits`, 'give hex');
  }
  const bytes = fromHex(text.trim());
  if (!bytes || bytes.length === 0)
    throw new UsageError(
      `stdin holds no hex: ${what} is wanted there`,
      'echo 0x… | cacheon timelock …',
    );
  return bytes;
}

/** quicknet, or with --public-key another beacon (a development chain's). */
function beaconOf(invocation: Invocation): Beacon {
  const text = optional(invocation, 'public-key');
  if (text === undefined) return QUICKNET;
  const publicKey = fromHex(text);
  if (publicKey?.length !== PUBLIC_KEY_BYTES)
    throw new UsageError('--public-key is not a point of G2', `${PUBLIC_KEY_BYTES} bytes of hex`);
  return { ...QUICKNET, publicKey };
}

function print({ json }: Invocation, bytes: Uint8Array): number {
  const text = `0x${toHex(bytes)}`;
  process.stdout.write(json ? `${JSON.stringify({ hex: text })}\n` : `${text}\n`);
  return 0;
}

/**
 * `cacheon timelock seal --round N`: hex on stdin, the ciphertext as the chain stores it on stdout.
 */
export const timelockSealCommand: RunCommand = async (invocation) => {
  const round = wholeNumber(invocation, 'round', 1, Number.MAX_SAFE_INTEGER);
  if (round === undefined)
    throw new UsageError('--round is missing', 'give the drand round after which it opens');
  return print(
    invocation,
    seal(beaconOf(invocation), round, await readHex('the message'), sealEntropy()),
  );
};

/** `cacheon timelock open --signature HEX`: the ciphertext on stdin, the message on stdout. */
export const timelockOpenCommand: RunCommand = async (invocation) => {
  const signature = fromHex(required(invocation, 'signature'));
  if (!signature) throw new UsageError('--signature is not hex', "give the round's signature");
  return print(invocation, open(await readHex('the ciphertext'), signature));
};
