// Interface for signing records, and the signature file beside each record.
import { preAuthEncoding, renderSignature } from './envelope.ts';

/** Signs bytes with a validator's hotkey. Only src/results/io makes one. */
export interface Signer {
  /** ss58 address of the hotkey. */
  readonly address: string;
  /** 64-byte sr25519 signature, context `substrate`. */
  sign(message: Uint8Array): Uint8Array;
}

/** The text of the `.sig` file beside a record. */
export function signatureFile(signer: Signer, record: Uint8Array): string {
  return renderSignature(signer.address, signer.sign(preAuthEncoding(record)));
}
