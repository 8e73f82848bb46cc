// A corpus is a folder whose files equal its manifest.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../core/log.ts';
import { documentFault } from '../corpus.ts';
import { openCorpus } from './corpus-folder.ts';
import { drawSuite } from '../sampler.ts';
import { tokenizer } from '../../testing/answer-fixture.ts';
import { suiteRequest } from '../../testing/suite-fixture.ts';

describe('a corpus folder', () => {
  const text = 'The quick brown fox jumps over the lazy dog. '.repeat(120);
  it('is filtered, pinned and checked', () => {
    const folder = mkdtempSync(join(tmpdir(), 'corpus-'));
    for (let i = 0; i < 8; i++) writeFileSync(join(folder, `${i}.txt`), `${i} ${text}`);
    writeFileSync(join(folder, 'short.txt'), 'too short');
    const corpus = openCorpus({ name: 'x', manifestSha256: null }, folder, silentLog);
    expect(corpus.documents).toHaveLength(8);
    expect(drawSuite(corpus, tokenizer, suiteRequest)).toHaveLength(7);
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
  it('S09 has no room for short, letterless or blank texts', () => {
    expect(documentFault(text)).toBeNull();
    expect(documentFault('a')).toMatch(/shorter/);
    expect(documentFault('1234 '.repeat(1000))).toMatch(/letters/);
    expect(documentFault('a  '.repeat(3000))).toMatch(/letters|white space/);
  });
});
