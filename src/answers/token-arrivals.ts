// The canonical tokens of a text, and when the bytes that complete each of them arrived.
import { utf8 } from '../core/bytes.ts';
import type { Tokenizer } from '../core/tokenizer.ts';

/** A piece of text, and when it arrived. */
export type Piece = { readonly tNs: number; readonly content: string };
/** A chunk that completes at least one token. */
export type ContentChunk = { readonly tNs: number; readonly tokens: number };

type TokenArrivals = {
  /** Canonical encoding of the text. */
  readonly canonicalIds: readonly number[];
  /** Arrival of each canonical token: the chunk whose bytes complete it. */
  readonly arrivalsNs: readonly number[];
  readonly contentChunks: readonly ContentChunk[];
};

/**
 * Canonical tokens of a text and when each was complete. Offsets are taken in NFC, the form the
 * tokenizer encodes.
 */
export function placeTokens(
  text: string,
  pieces: readonly Piece[],
  tokenizer: Tokenizer,
): TokenArrivals {
  const canonicalIds = tokenizer.encode(text);
  const plain = text.normalize('NFC') === text;
  let prefix = '';
  let plainBytes = 0;
  const reached = pieces.map(({ tNs, content }) => {
    prefix += content;
    plainBytes += utf8(content).length;
    return { tNs, bytes: plain ? plainBytes : utf8(prefix.normalize('NFC')).length };
  });
  const arrivalsNs: number[] = [];
  let at = 0;
  let offset = 0;
  for (const id of canonicalIds) {
    offset += tokenizer.bytesOf(id)?.length ?? 0;
    while (at < reached.length - 1 && reached[at]!.bytes < offset) at++;
    arrivalsNs.push(reached[at]!.tNs);
  }
  const contentChunks: { tNs: number; tokens: number }[] = [];
  for (const tNs of arrivalsNs) {
    const last = contentChunks.at(-1);
    if (last?.tNs === tNs) last.tokens++;
    else contentChunks.push({ tNs, tokens: 1 });
  }
  return { canonicalIds, arrivalsNs, contentChunks };
}
