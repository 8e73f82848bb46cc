// Who holds the throne and the second place.
import { z } from 'zod';

const count = z.number().int().nonnegative();

/** A holder of the throne or of the second place. `score` is its last valid one. */
const placeSchema = z.strictObject({
  key: z.string(),
  hotkey: z.string(),
  commitBlock: count,
  /** Block from which on others could see the image. */
  revealedAt: count,
  image: z.string(),
  digest: z.string(),
  /** The public engine that its payload names as its base. */
  base: z.string().nullable(),
  score: z.number(),
});
export type Place = Readonly<z.infer<typeof placeSchema>>;

export const standingSchema = z.strictObject({
  winner: placeSchema.nullable(),
  runnerUp: placeSchema.nullable(),
});
export type Standing = { readonly winner: Place | null; readonly runnerUp: Place | null };
