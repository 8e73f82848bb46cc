// A cheating engine that sends an empty first event to fake its time to first token.
import { naive } from '../kernels.ts';
import type { Variant } from '../variant.ts';

export const roleChunk: Variant = {
  name: 'role-chunk',
  about: 'answers at once with an empty event, to fake the time to first token',
  honest: false,
  kernel: naive,
  earlyRole: true,
};
