// The payload a miner commits on chain: image, digest and the payment that belongs to them.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { fromUtf8 } from '../core/bytes.ts';
import { parseStrictJson, RECORD_JSON } from '../core/strict-json.ts';
import { messageOf } from '../core/errors.ts';
import { checkImage } from '../schema/image-ref.ts';
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
});

/** What a miner committed: the image, and where its payment stands. */
export type Payload = {
  image: string;
  digest: string;
  payment: null | { tx: string; block: number | string; salt: string | null };
};
export type PayloadResult =
  { ok: true; payload: Payload } | ({ ok: false; verdict: MinerFault } & Reasoned);

/** Reads a committed payload. Never throws: every fault is a verdict with its reason. */
export function parsePayload(
  bytes: Uint8Array,
  rules: { loopbackImages: boolean; needsPayment: boolean },
): PayloadResult {
  const refuse = (...why: Parameters<typeof because>): PayloadResult => ({
    ok: false,
    verdict: 'E_PAYLOAD_DECODE',
    ...because(...why),
  });
  if (bytes.length === 0) return refuse('payload-empty', 'the payload is empty');
  if (bytes.length > MAX_PAYLOAD)
    return refuse('payload-length', `the payload is longer than ${MAX_PAYLOAD} bytes`, {
      value: bytes.length,
      limit: MAX_PAYLOAD,
    });
  const text = fromUtf8(bytes);
  if (text === null) return refuse('payload-encoding', 'the payload is not UTF-8');
  let value: unknown;
  try {
    value = parseStrictJson(text, RECORD_JSON);
  } catch (error) {
    return refuse('payload-json', `the payload is not JSON: ${messageOf(error)}`);
  }
  const parsed = payloadSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    return refuse(
      'payload-field',
      `payload field ${issue.path.join('.') || '(top level)'}: ${issue.message}`.slice(0, 300),
    );
  }
  const { image, digest, payment_tx: tx, payment_block: block, payment_salt: salt } = parsed.data;
  const fault = checkImage({ image, digest }, rules.loopbackImages);
  if (fault) return { ok: false, ...fault };
  const payment =
    tx === undefined || block === undefined ? null : { tx, block, salt: salt ?? null };
  if (rules.needsPayment && payment === null)
    return {
      ok: false,
      verdict: 'E_PAYMENT',
      ...because('payment-missing', 'payment_tx or payment_block is missing'),
    };
  return { ok: true, payload: { image, digest, payment } };
}

/** The JSON a miner commits; without payment fields where the arena takes no fee. */
export function renderPayload(payload: Payload): string {
  const { image, digest, payment } = payload;
  if (!payment) return JSON.stringify({ image, digest });
  return JSON.stringify({
    image,
    digest,
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
