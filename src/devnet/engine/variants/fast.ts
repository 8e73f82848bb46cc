import { rowOfFour } from '../kernels.ts';
import type { Variant } from '../variant.ts';

export const fast: Variant = { name: 'fast', about: 'better loops, the same tokens', honest: true, kernel: rowOfFour };
