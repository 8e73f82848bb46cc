// The settings in which variants of the tiny engine, honest or cheating, differ.
import type { Sending } from './sending.ts';
import type { Kernel } from './kernels.ts';
import type { Weights } from './model-weights.ts';

/**
 * What makes one engine different from another. Each lives in a file of its own under variants/.
 */
export type Variant = {
  readonly name: string;
  /** One line: what the variant does, and for a cheat its hoped-for gain. */
  readonly about: string;
  readonly honest: boolean;
  /** Whether its tokens are others than the model's; `seldom`: a short answer may be the same. */
  readonly altersTokens?: true | 'seldom';
  /** `simd` multiplies in WebAssembly, in float32. */
  readonly kernel: Kernel | 'simd';
  /** Changes the weights before they are served. */
  readonly alter?: (weights: Weights) => void;
  /** Takes another token than the likeliest. `draw` gives uniform numbers of [0, 1). */
  readonly choose?: (logits: Float32Array, draw: () => number) => number;
  /** Ends every answer after this many tokens. */
  readonly stopAfter?: number;
  /** How tokens leave; at once where it is not set. */
  readonly send?: Sending;
  /** Sends an empty event long before the first token. */
  readonly earlyRole?: true;
  /** Sends the first tokens before the model has read the prompt; `wrong`: not always right. */
  readonly guess?: { readonly tokens: number; readonly wrong?: true };
  /**
   * Drafts up to this many tokens from the text so far, after `count` of them, and keeps those that
   * the model confirms.
   */
  readonly draft?: (count: number) => number;
  /** Keeps a drafted token too where it is at most this many nats below the model's best. */
  readonly acceptNats?: number;
};
