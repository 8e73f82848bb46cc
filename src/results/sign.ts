import { concatBytes, utf8 } from '../core/bytes.ts';
import { renderJson } from '../core/canonical.ts';
import { PAYLOAD_TYPE } from './schema.ts';

/** Signs bytes with a validator's hotkey. Only src/results/io makes one. */
export interface Signer {
  /** ss58 address of the hotkey. */
  readonly address: string;
  /** 64-byte sr25519 signature, context `substrate`. */
  sign(message: Uint8Array): Uint8Array;
}

/** DSSE's pre-authentication encoding of a record's exact bytes: what is signed names its own type and length. */
export function preAuthEncoding(body: Uint8Array): Uint8Array {
  return concatBytes(utf8(`DSSEv1 ${utf8(PAYLOAD_TYPE).length} ${PAYLOAD_TYPE} ${body.length} `), body);
}

/** The text of the `.sig` file beside a record. */
export function signatureFile(signer: Signer, record: Uint8Array): string {
  return renderSignature(signer.address, signer.sign(preAuthEncoding(record)));
}

/** Canonical rendering of a signature: any other spelling of the same signature is refused. */
export function renderSignature(keyid: string, sig: Uint8Array): string {
  return renderJson({ payloadType: PAYLOAD_TYPE, keyid, sig: Buffer.from(sig).toString('base64') });
}
