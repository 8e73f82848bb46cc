// Why something was decided, as fields beside the sentence: code, value and limit.
import { z } from 'zod';

/**
 * One reason: a code that programs compare, its sentence, and where it is a measurement the value
 * that was found and the limit that it was held against, in the unit that the sentence names.
 */
const reasonSchema = z.strictObject({
  code: z.string().regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/),
  detail: z.string(),
  value: z.number().optional(),
  limit: z.number().optional(),
});
export type Reason = z.infer<typeof reasonSchema>;
/** What a reason measured. */
type Figures = { readonly value?: number; readonly limit?: number };

/** The fields of a document that say why: one sentence for people, and the reasons behind it. */
export const reasonFields = { reason: z.string(), reasons: z.array(reasonSchema).min(1) };
export type Reasoned = { reason: string; reasons: Reason[] };

/** Both fields from one reason. Figures that are not finite say nothing, and are left out. */
export function because(code: string, detail: string, { value, limit }: Figures = {}): Reasoned {
  const figures = {
    ...(Number.isFinite(value) ? { value } : {}),
    ...(Number.isFinite(limit) ? { limit } : {}),
  };
  return { reason: detail, reasons: [{ code, detail, ...figures }] };
}

/** The same reasons, in another sentence. */
export function said(sentence: string, { reasons }: Readonly<Reasoned>): Reasoned {
  return { reason: sentence, reasons: [...reasons] };
}

/** The two fields alone, of whatever carries them. */
export function whyOf({ reason, reasons }: Readonly<Reasoned>): Reasoned {
  return { reason, reasons: [...reasons] };
}

/** Whether one of a document's reasons has this code. */
export function hasReason(
  { reasons }: { readonly reasons: readonly Reason[] },
  code: string,
): boolean {
  return reasons.some((reason) => reason.code === code);
}
