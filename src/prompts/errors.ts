// Errors of prompts: a corpus, tokenizer or request that cannot be used.
import { CacheonError } from '../core/errors.ts';

/** A corpus, tokenizer or prompt request that cannot be used. */
export class PromptError extends CacheonError<
  'BAD_CORPUS' | 'BAD_TOKENIZER' | 'CORPUS_TOO_SMALL' | 'CORPUS_NEEDED'
> {}
