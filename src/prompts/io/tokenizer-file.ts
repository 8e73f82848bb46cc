// Loading of a model's tokenizer from its file, checked against a pinned hash.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as library from '@huggingface/tokenizers';
import { utf8 } from '../../core/bytes.ts';
import { messageOf } from '../../core/errors.ts';
import { sha256Hex } from '../../core/hash.ts';
import { lazy } from '../../core/lazy.ts';
import type { Tokenizer } from '../../core/tokenizer.ts';
import { PromptError } from '../errors.ts';

/** The part of the library that is used; its type declarations do not resolve under nodenext. */
type Encoder = { encode(text: string): { ids: number[] } };
const { Tokenizer: HuggingFace } = library as unknown as {
  Tokenizer: new (json: unknown, config: unknown) => Encoder;
};

/** Where an arena's tokenizer is. */
export type TokenizerSource =
  { package: string; file: string; sha256: string } | { file: string; sha256: string };

type TokenizerJson = {
  added_tokens: { id: number; content: string; special: boolean }[];
  model: { vocab: Record<string, number> };
};

/**
 * GPT-2's byte alphabet: printable characters stand for themselves, the rest are shifted past 255.
 */
function byteAlphabet(): Map<string, number> {
  const map = new Map<string, number>();
  let extra = 0;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    map.set(String.fromCodePoint(printable ? byte : 256 + extra++), byte);
  }
  return map;
}

/** A byte-level BPE tokenizer from the text of its tokenizer.json. */
export function tokenizerFromJson(text: string): Tokenizer {
  const json = JSON.parse(text) as TokenizerJson;
  const config = { clean_up_tokenization_spaces: false };
  const withSpecials = new HuggingFace(json, config);
  // Answers are encoded without special tokens: a text that spells one out is ordinary text.
  const plain = lazy((): Encoder => new HuggingFace({ ...json, added_tokens: [] }, config));
  const alphabet = byteAlphabet();
  const byId = new Map<number, string>(
    Object.entries(json.model.vocab).map(([token, id]) => [id, token]),
  );
  const added = new Map(
    json.added_tokens.map((token) => [token.id, token.special ? '' : token.content]),
  );
  return {
    id: sha256Hex(text),
    encode: (input) => plain().encode(input).ids,
    encodePrompt: (input) => withSpecials.encode(input).ids,
    bytesOf: (id) => {
      const content = added.get(id);
      if (content !== undefined) return utf8(content);
      const token = byId.get(id);
      return token === undefined
        ? null
        : Uint8Array.from(token, (char) => alphabet.get(char) ?? 0x3f);
    },
  };
}

/**
 * Loads an arena's tokenizer and checks its sha256. Files are named from the repository's root.
 * Throws {@link PromptError} where it is missing or is not the pinned one: a different tokenizer
 * would count other tokens.
 */
export function loadTokenizer(source: TokenizerSource, root: string): Tokenizer {
  let path: string;
  let text: string;
  try {
    path =
      'package' in source
        ? createRequire(join(root, 'package.json')).resolve(`${source.package}/${source.file}`)
        : join(root, source.file);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new PromptError(
      'BAD_TOKENIZER',
      'usage',
      `the tokenizer ${source.file} cannot be read: ${messageOf(error)}`,
      'run npm ci, or name an existing file in the arena',
    ).causedBy(error);
  }
  const found = sha256Hex(text);
  if (found !== source.sha256)
    throw new PromptError(
      'BAD_TOKENIZER',
      'usage',
      `the tokenizer ${path} has sha256 ${found}, the arena pins ${source.sha256}`,
      'restore the pinned file',
    );
  return tokenizerFromJson(text);
}
