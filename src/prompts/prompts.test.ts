// Tests of prompt sampling, tokenizers and corpus folders.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromUtf8, concatBytes } from '../core/bytes.ts';
import { sha256Hex } from '../core/hash.ts';
import { silentLog } from '../core/log.ts';
import { documentFault, generatedCorpus } from './corpus.ts';
import { openCorpus } from './io/corpus-folder.ts';
import { loadTokenizer, tokenizerFromJson } from './io/tokenizer-file.ts';
import { drawSuite, promptLine, suiteHash, type SuiteRequest } from './sampler.ts';
import { renderChat } from './template.ts';

const file = new URL('../devnet/model/tokenizer.json', import.meta.url);
const tokenizer = tokenizerFromJson(readFileSync(file, 'utf8'));
const request: SuiteRequest = {
  seed: new Uint8Array(32),
  boot: 1,
  warmups: 2,
  scored: 5,
  inputTokens: 96,
  systemMessage: 'You are a helpful assistant.',
  chatTemplate: 'chatml',
};
const suite = (change: Partial<SuiteRequest> = {}) =>
  drawSuite(generatedCorpus(), tokenizer, { ...request, ...change });

describe('the sampler', () => {
  it('draws the same bytes for the same block, others for another', () => {
    expect(suiteHash(suite())).toBe(suiteHash(suite()));
    expect(suiteHash(suite())).toBe(
      '99246ad3144b6eecf0fb50539b22ee998aa8981b7cf399a4bf0cd0519398c7f5',
    );
    expect(suiteHash(suite({ seed: new Uint8Array(32).fill(1) }))).not.toBe(suiteHash(suite()));
    expect(suiteHash(suite({ boot: 2 }))).not.toBe(suiteHash(suite()));
  });
  it('numbers warm-ups first, and never changes earlier prompts when more are asked for', () => {
    expect(suite().map(({ index, pool }) => `${index}${pool[0]!}`)).toEqual([
      '0w',
      '1w',
      '2s',
      '3s',
      '4s',
      '5s',
      '6s',
    ]);
    expect(suite({ scored: 9 }).slice(0, 7).map(promptLine)).toEqual(suite().map(promptLine));
  });
  it('comes within a few tokens of the wanted size, never above', () => {
    for (const prompt of suite({ scored: 30, inputTokens: 200 })) {
      expect(prompt.tokens).toBeLessThanOrEqual(202);
      expect(prompt.tokens).toBeGreaterThan(185);
      expect(prompt.tokens).toBe(tokenizer.encodePrompt(renderChat(prompt.messages, '')).length);
    }
  });
  it('shares no passage and no salt between prompts', () => {
    const prompts = suite({ scored: 20, warmups: 5 });
    expect(new Set(prompts.map(({ messages }) => messages[0]!.content)).size).toBe(25);
    expect(new Set(prompts.map(({ messages }) => messages[1]!.content.slice(0, 60))).size).toBe(25);
  });
  it('says so where a size leaves no room', () => {
    expect(() => suite({ inputTokens: 20 })).toThrow(/leaves no room/);
  });
});

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

describe('a corpus folder', () => {
  const text = 'The quick brown fox jumps over the lazy dog. '.repeat(120);
  it('is filtered, pinned and checked', () => {
    const folder = mkdtempSync(join(tmpdir(), 'corpus-'));
    for (let i = 0; i < 8; i++) writeFileSync(join(folder, `${i}.txt`), `${i} ${text}`);
    writeFileSync(join(folder, 'short.txt'), 'too short');
    const corpus = openCorpus({ name: 'x', manifestSha256: null }, folder, silentLog);
    expect(corpus.documents).toHaveLength(8);
    expect(drawSuite(corpus, tokenizer, request)).toHaveLength(7);
    expect(() =>
      openCorpus({ name: 'x', manifestSha256: '0'.repeat(64) }, folder, silentLog),
    ).toThrow(/pins/);
    writeFileSync(join(folder, '3.txt'), 'changed');
    expect(() => corpus.documents.map((document) => document.text())).toThrow(/sha256/);
    rmSync(folder, { recursive: true });
  });
  it('is asked for where the arena names one', () => {
    expect(() => openCorpus({ name: 'pg19', manifestSha256: null }, undefined, silentLog)).toThrow(
      /pg19/,
    );
  });
  it('has no room for short, letterless or blank texts', () => {
    expect(documentFault(text)).toBeNull();
    expect(documentFault('a')).toMatch(/shorter/);
    expect(documentFault('1234 '.repeat(1000))).toMatch(/letters/);
    expect(documentFault('a  '.repeat(3000))).toMatch(/letters|white space/);
  });
});
