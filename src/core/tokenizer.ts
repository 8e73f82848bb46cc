// The port of a model's tokenizer.
/** A model's tokenizer, as the judge needs it: exact bytes for every token. */
export interface Tokenizer {
  /** sha256 of the tokenizer file: part of every record. */
  readonly id: string;
  /**
   * Ids of a text; special tokens in the text are not parsed as such: an answer cannot contain one.
   */
  encode(text: string): number[];
  /** Ids of a prompt text; special tokens are parsed (chat template). */
  encodePrompt(text: string): number[];
  /**
   * The bytes one token stands for: none for a special token; null for an id the vocabulary lacks.
   */
  bytesOf(id: number): Uint8Array | null;
}
