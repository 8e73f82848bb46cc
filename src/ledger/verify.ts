// Checks of a single ledger record: signature, form, schema and results.
import { createPublicKey, verify as verifyEd25519 } from 'node:crypto';
import { verify as verifySr25519 } from '@scure/sr25519';
import { concatBytes, equalBytes, fromUtf8 } from '../core/bytes.ts';
import { renderJson } from '../core/canonical.ts';
import { messageOf } from '../core/errors.ts';
import { sha256Hex } from '../core/hash.ts';
import { decodeSs58 } from '../core/ss58.ts';
import { parseStrictJson, RECORD_JSON } from '../core/strict-json.ts';
import {
  KINDS,
  PREDICATES,
  predicateType,
  signatureSchema,
  statementSchema,
  type Kind,
  type Predicate,
  type Statement,
} from '../schema/records.ts';
import { preAuthEncoding, renderSignature } from './envelope.ts';
import type { EntryResult, VerifiedResult } from './verified-result.ts';

/** Reason classes of an audit (RULES "Fault classes"). */
export type FaultCode =
  | 'BAD_SIG'
  | 'WRONG_KEY'
  | 'WRONG_KEY_TYPE'
  | 'SCHEMA'
  | 'UNSUPPORTED'
  | 'REPLAY'
  | 'WRONG_CONTEXT'
  | 'OMISSION'
  | 'CHAIN_GAP'
  | 'EQUIVOCATION'
  | 'REWRITE'
  | 'RECOMPUTE_MISMATCH'
  | 'MERKLE_MISMATCH'
  | 'PATH'
  | 'WEIGHT_MISMATCH'
  | 'TIME'
  | 'UNTRUSTED_HARNESS';
/** The check of reading that a fault fell out of. */
export type ReadCheck =
  | 'paths'
  | 'records'
  | 'signatures'
  | 'chain-of-records'
  | 'time-order'
  | 'one-end'
  | 'evidence-hashes';
export type LedgerFault = {
  readonly check: ReadCheck;
  readonly code: FaultCode;
  readonly path: string;
  readonly message: string;
};

/** Largest record: a plan of 256 submissions is a tenth of it. */
export const MAX_RECORD_BYTES = 16 * 1024 * 1024;

/** A record whose bytes, signature and schema were checked. Only this module makes one. */
export type LedgerRecord<K extends Kind = Kind> = {
  readonly path: string;
  readonly kind: K;
  readonly sha256: string;
  readonly subject: Statement['subject'];
  readonly predicate: Predicate<K>;
};
export type AnyRecord = { [K in Kind]: LedgerRecord<K> }[Kind];

function sr25519(message: Uint8Array, signature: Uint8Array, key: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  try {
    return verifySr25519(message, signature, key);
  } catch {
    return false; // a cleared marker bit makes the library throw: still just a bad signature
  }
}

const ED25519_PREFIX = Uint8Array.from([
  0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
]);
function ed25519(message: Uint8Array, signature: Uint8Array, key: Uint8Array): boolean {
  try {
    const publicKey = createPublicKey({
      key: Buffer.from(concatBytes(ED25519_PREFIX, key)),
      format: 'der',
      type: 'spki',
    });
    return verifyEd25519(null, message, publicKey, signature);
  } catch {
    return false;
  }
}

/**
 * Checks a record's signature by the validator's key. `keyid` is a hint: it names the culprit where
 * another key signed.
 */
export function checkSignature(
  record: Uint8Array,
  sigText: string,
  validator: string,
): { code: FaultCode; message: string; inSig: boolean } | null {
  let value: unknown;
  try {
    value = parseStrictJson(sigText, RECORD_JSON);
  } catch (error) {
    return {
      code: 'BAD_SIG',
      message: `the signature file is not JSON: ${messageOf(error)}`,
      inSig: true,
    };
  }
  const parsed = signatureSchema.safeParse(value);
  if (!parsed.success)
    return {
      code: 'BAD_SIG',
      message: `the signature file: ${parsed.error.issues[0]!.path.join('.')}: ${parsed.error.issues[0]!.message}`,
      inSig: true,
    };
  const { keyid, sig } = parsed.data;
  const bytes = new Uint8Array(Buffer.from(sig, 'base64'));
  if (renderSignature(keyid, bytes) !== sigText)
    return {
      code: 'BAD_SIG',
      message: 'the signature file is not in its canonical form',
      inSig: true,
    };
  const key = decodeSs58(validator);
  if (key === null)
    return { code: 'WRONG_KEY', message: `${validator} is not an address`, inSig: false };
  const message = preAuthEncoding(record);
  const named = decodeSs58(keyid);
  if (named === null)
    return {
      code: 'WRONG_KEY',
      message: `keyid ${keyid.slice(0, 70)} is not an ss58 address`,
      inSig: true,
    };
  // T07: one key has one name here.
  if (equalBytes(named, key) && keyid !== validator)
    return { code: 'WRONG_KEY', message: `keyid is another spelling of ${validator}`, inSig: true };
  if (sr25519(message, bytes, key)) return null;
  if (ed25519(message, bytes, key) || ed25519(message, bytes, named))
    return { code: 'WRONG_KEY_TYPE', message: 'signed with an ed25519 key', inSig: true };
  if (!equalBytes(named, key) && sr25519(message, bytes, named))
    return { code: 'WRONG_KEY', message: `signed by ${keyid}, not by ${validator}`, inSig: true };
  return { code: 'BAD_SIG', message: 'the signature does not fit the record', inSig: false };
}

/**
 * Reads a record's bytes: strict JSON in canonical form, a known predicate type, and its schema.
 */
export function readRecord(
  path: string,
  bytes: Uint8Array,
): { record: AnyRecord } | { fault: LedgerFault } {
  const fault = (code: FaultCode, message: string): { fault: LedgerFault } => ({
    fault: { check: 'records', code, path, message },
  });
  const text = fromUtf8(bytes);
  if (text === null) return fault('SCHEMA', 'the record is not UTF-8');
  let value: unknown;
  try {
    value = parseStrictJson(text, RECORD_JSON);
  } catch (error) {
    return fault('SCHEMA', messageOf(error));
  }
  const statement = statementSchema.safeParse(value);
  if (!statement.success)
    return fault(
      'SCHEMA',
      `${statement.error.issues[0]!.path.join('.')}: ${statement.error.issues[0]!.message}`,
    );
  const kind = KINDS.find((item) => predicateType(item) === statement.data.predicateType);
  if (kind === undefined)
    return fault(
      'UNSUPPORTED',
      `predicate type ${statement.data.predicateType.slice(0, 100)} is not known`,
    );
  const version = (statement.data.predicate as { schema?: unknown } | null)?.schema;
  if (version !== 1) return fault('UNSUPPORTED', `schema version ${String(version)} is not known`);
  const predicate = PREDICATES[kind].safeParse(statement.data.predicate);
  if (!predicate.success)
    return fault(
      'SCHEMA',
      `predicate.${predicate.error.issues[0]!.path.join('.')}: ${predicate.error.issues[0]!.message}`,
    );
  if (renderJson(value) !== text) return fault('SCHEMA', 'the record is not in its canonical form');
  return {
    record: {
      path,
      kind,
      sha256: sha256Hex(bytes),
      subject: statement.data.subject,
      predicate: predicate.data,
    } as AnyRecord,
  };
}

/**
 * Makes results that may be ranked: each must belong to an entry of the signed plan, and each entry
 * must have one. Throws where they do not fit: that would be a defect of the judge, not a verdict.
 */
export function verifyResults(
  plan: LedgerRecord<'plan'>,
  results: readonly EntryResult[],
): VerifiedResult[] {
  const entries = plan.predicate.submissions.filter(
    (submission) => submission.status === 'evaluate',
  );
  const keys = new Set(entries.map(({ key }) => key));
  if (results.length !== keys.size || results.some(({ key }) => !keys.has(key)))
    throw new Error('the results do not match the entries of the plan');
  return results as VerifiedResult[];
}
