// The signed form of a record, after the DSSE standard.
import { concatBytes, utf8 } from '../core/bytes.ts';
import { renderJson } from '../core/canonical.ts';
import { PAYLOAD_TYPE } from '../schema/records.ts';

/**
 * DSSE's pre-authentication encoding of a record's exact bytes: the signed bytes name their own
 * type and length.
 */
export function preAuthEncoding(body: Uint8Array): Uint8Array {
  return concatBytes(
    utf8(`DSSEv1 ${utf8(PAYLOAD_TYPE).length} ${PAYLOAD_TYPE} ${body.length} `),
    body,
  );
}

/** Canonical rendering of a signature: any other spelling of the same signature is refused. */
export function renderSignature(keyid: string, sig: Uint8Array): string {
  return renderJson({ payloadType: PAYLOAD_TYPE, keyid, sig: Buffer.from(sig).toString('base64') });
}
