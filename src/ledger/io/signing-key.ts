// Signer of ledger records from a validator's key pair.
import type { KeyringPair } from '@polkadot/keyring/types';
import type { Signer } from '../sign.ts';

/** A signer of records. */
export function signerOf(pair: KeyringPair): Signer {
  return { address: pair.address, sign: (message) => pair.sign(message) };
}
