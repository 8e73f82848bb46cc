// An honest engine that packs its tokens: what it delays, it loses.
import { packedBy } from '../sending.ts';
import { tiled } from '../kernels.ts';
import type { Variant } from '../variant.ts';

export const packedTokens: Variant = {
  name: 'packed',
  about: 'sends four tokens an event, each with the last of them',
  honest: true,
  kernel: tiled,
  send: packedBy(4),
};
