import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { LedgerError } from '../errors.ts';
import type { Signer } from '../sign.ts';

/** Name of the environment variable that holds the validator's hotkey: a mnemonic, a 0x seed, or a secret URI. Never a flag. */
export const HOTKEY_VARIABLE = 'CACHEON_HOTKEY';

/** The sr25519 key pair of a secret. The secret itself never appears in an error. */
export function keyPair(secret: string | undefined, name: string): KeyringPair {
  if (secret === undefined || secret.trim() === '')
    throw new LedgerError(
      'NO_KEY',
      'usage',
      `${name} is not set`,
      `put the hotkey's mnemonic or seed into the environment variable ${name}`,
    );
  try {
    return new Keyring({ type: 'sr25519', ss58Format: 42 }).createFromUri(secret.trim());
  } catch {
    throw new LedgerError(
      'BAD_KEY',
      'usage',
      `${name} is neither a mnemonic nor a seed`,
      'twelve or more words, or 0x and 64 hex digits',
    );
  }
}

/** A signer of records. */
export function signerOf(pair: KeyringPair): Signer {
  return { address: pair.address, sign: (message) => pair.sign(message) };
}
