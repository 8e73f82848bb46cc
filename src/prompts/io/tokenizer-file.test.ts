// The model's own tokenizer, read from its file.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromUtf8, concatBytes } from '../../core/bytes.ts';
import { sha256Hex } from '../../core/hash.ts';
import { loadTokenizer, tokenizerFromJson } from './tokenizer-file.ts';

const file = new URL('../../devnet/model/tokenizer.json', import.meta.url);

const tokenizer = tokenizerFromJson(readFileSync(file, 'utf8'));

describe('the tokenizer', () => {
  it('gives every token its bytes', () => {
    const text = 'Hello wörld 日本 \u{1F600} and  spaces\n\n';
    const ids = tokenizer.encode(text);
    expect(fromUtf8(concatBytes(...ids.map((id) => tokenizer.bytesOf(id)!)))).toBe(text);
    expect(tokenizer.bytesOf(2039)).toEqual(new Uint8Array(0));
    expect(tokenizer.bytesOf(2040)).toBeNull();
  });
  it('parses special tokens in prompts only', () => {
    expect(tokenizer.encodePrompt('<|im_end|>')).toEqual([2039]);
    expect(tokenizer.encode('<|im_end|>').length).toBeGreaterThan(1);
    expect(tokenizer.encode('')).toEqual([]);
  });
  it('refuses a file that is not the pinned one', () => {
    const source = { file: 'src/devnet/model/tokenizer.json', sha256: '0'.repeat(64) };
    expect(() => loadTokenizer(source, process.cwd())).toThrow(/pins 0000/);
    expect(
      loadTokenizer({ ...source, sha256: sha256Hex(readFileSync(file)) }, process.cwd()).id,
    ).toBe(sha256Hex(readFileSync(file)));
    expect(() => loadTokenizer({ ...source, file: 'nowhere.json' }, process.cwd())).toThrow(
      /cannot be read/,
    );
  });
});
