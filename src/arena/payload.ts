// The payload a miner commits on chain: image, digest and the payment that belongs to them.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { fromUtf8 } from '../core/bytes.ts';
import { parseStrictJson, RECORD_JSON } from '../core/strict-json.ts';
import { messageOf } from '../core/errors.ts';
import { checkImage, parseImageRef } from '../schema/image-ref.ts';
import { because, type Reasoned } from '../schema/reasons.ts';
import type { MinerFault } from '../schema/verdicts.ts';

/** Longest payload we read: a commitment holds at most 1,024 bytes. */
const MAX_PAYLOAD = 1024;

// Unknown fields are ignored, so that a later client may say more.
const payloadSchema = z.object({
  image: z.string(),
  digest: z.string(),
  payment_tx: z
    .string()
    .regex(/^0x[0-9a-f]{64}$/)
    .optional(),
  payment_block: z
    .union([z.number().int().nonnegative(), z.string().regex(/^0x[0-9a-f]{64}$/)])
    .optional(),
  payment_salt: z
    .string()
    .regex(/^[0-9A-Za-z_-]{1,64}$/)
    .optional(),
  base: z.string().optional(),
});

/** What a miner committed: the image, and where its payment stands. */
export type Payload = {
  image: string;
  digest: string;
  /** The public engine that the image builds on, `image@sha256:…`; null: none is named. */
  base: string | null;
  payment: null | { tx: string; block: number | string; salt: string | null };
};
export type PayloadResult =
  { ok: true; payload: Payload } | ({ ok: false; verdict: MinerFault } & Reasoned);

/** What a payload is read by. */
export type PayloadRules = {
  readonly loopbackImages: boolean;
  readonly needsPayment: boolean;
  /** Repositories where no miner can push: a base must be in one of them. */
  readonly baseRepositories: readonly string[];
};

type Fields = z.infer<typeof payloadSchema>;

/** The fields of a payload's bytes, or why they hold none. */
function fieldsOf(bytes: Uint8Array): { readonly fields: Fields } | Reasoned {
  if (bytes.length === 0) return because('payload-empty', 'the payload is empty');
  if (bytes.length > MAX_PAYLOAD)
    return because('payload-length', `the payload is longer than ${MAX_PAYLOAD} bytes`, {
      value: bytes.length,
      limit: MAX_PAYLOAD,
    });
  const text = fromUtf8(bytes);
  if (text === null) return because('payload-encoding', 'the payload is not UTF-8');
  let value: unknown;
  try {
    value = parseStrictJson(text, RECORD_JSON);
  } catch (error) {
    return because('payload-json', `the payload is not JSON: ${messageOf(error)}`);
  }
  const parsed = payloadSchema.safeParse(value);
  if (parsed.success) return { fields: parsed.data };
  const issue = parsed.error.issues[0]!;
  const where = issue.path.join('.') || '(top level)';
  return because('payload-field', `payload field ${where}: ${issue.message}`.slice(0, 300));
}

/** Reads a committed payload. Never throws: every fault is a verdict with its reason. */
export function parsePayload(bytes: Uint8Array, rules: PayloadRules): PayloadResult {
  const read = fieldsOf(bytes);
  if (!('fields' in read)) return { ok: false, verdict: 'E_PAYLOAD_DECODE', ...read };
  const { image, digest, payment_tx: tx, payment_block: block, payment_salt: salt } = read.fields;
  const fault = checkImage({ image, digest }, rules.loopbackImages);
  if (fault) return { ok: false, ...fault };
  const { base = null } = read.fields;
  const wrong = base === null ? null : baseFault(base, rules.baseRepositories);
  if (wrong) return { ok: false, verdict: 'E_REF', ...wrong };
  const payment =
    tx === undefined || block === undefined ? null : { tx, block, salt: salt ?? null };
  if (rules.needsPayment && payment === null)
    return {
      ok: false,
      verdict: 'E_PAYMENT',
      ...because('payment-missing', 'payment_tx or payment_block is missing'),
    };
  return { ok: true, payload: { image, digest, base, payment } };
}

/**
 * Why a base may not be named (RULES "Bases"): else a miner names the winner's image, and the files
 * that they share would be nobody's own. Null where it may.
 */
export function baseFault(base: string, repositories: readonly string[]): Reasoned | null {
  const ref = parseImageRef(base);
  if (ref === null) return because('base-reference', 'base is not an image with its sha256 digest');
  const repository = ref.image.replace(/:[^/:]*$/, '');
  if (repositories.includes(repository)) return null;
  const allowed = repositories.length === 0 ? 'the arena names none' : repositories.join(', ');
  return because('base-repository', `base is in ${repository}, not in one of: ${allowed}`);
}

/** The JSON a miner commits; without payment fields where the arena takes no fee. */
export function renderPayload(payload: Payload): string {
  const { image, digest, base, payment } = payload;
  const named = base === null ? { image, digest } : { image, digest, base };
  if (!payment) return JSON.stringify(named);
  return JSON.stringify({
    ...named,
    payment_tx: payment.tx,
    payment_block: payment.block,
    ...(payment.salt === null ? {} : { payment_salt: payment.salt }),
  });
}

/**
 * The claim inside the payment's remark: sha256 of `<digest>:<salt>`, so that a rival who reads the
 * remark learns nothing before the reveal. Without a salt it is the bare digest (the form of
 * Cacheon's first version).
 */
function paymentClaim(digest: string, salt: string | null): string {
  return salt === null ? digest : createHash('sha256').update(`${digest}:${salt}`).digest('hex');
}

/** The remark's whole text. */
export function paymentRemark(hotkey: string, digest: string, salt: string | null): string {
  return `cacheon:${hotkey}:${paymentClaim(digest, salt)}`;
}

/**
 * The remarks that bind a payment to its submission (RULES "Remark forms"): the bare digest counts
 * beside a salted one, as the first version of Cacheon wrote it.
 */
export function acceptedRemarks(hotkey: string, digest: string, salt: string | null): string[] {
  const bare = paymentRemark(hotkey, digest, null);
  return salt === null ? [bare] : [paymentRemark(hotkey, digest, salt), bare];
}
