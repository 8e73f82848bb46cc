// The plan of one evaluation outside a round, as plan.json of its folder.
import type { Arena } from './arena.ts';
import type { Prompt } from './prompt.ts';

/**
 * `plan.json` of one evaluation: everything that judging needs, so that a folder can be judged
 * anywhere.
 */
export type EvalPlan = {
  readonly schema: 1;
  readonly kind: 'evaluation';
  readonly arena: Arena;
  readonly seed: string;
  readonly tokenizerSha256: string;
  readonly corpus: string;
  readonly promptSuiteSha256: string;
  readonly prompts: readonly Prompt[];
  readonly targets: {
    readonly baseline: string;
    readonly challenger: string;
    readonly incumbent: string | null;
    readonly reference: string;
  };
};
