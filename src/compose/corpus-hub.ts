// Fetches the books of PG19 from the bucket that its authors publish, by the bucket's own list.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { renderJson } from '../core/canonical.ts';
import { CacheonError, messageOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { writeWhole } from '../node/atomic-file.ts';
import { makeManifest } from '../prompts/io/corpus-folder.ts';

/** Names another store that speaks the same interface. */
const STORE_VARIABLE = 'CACHEON_CORPUS_STORE';
const STORE = 'https://storage.googleapis.com';
const BUCKET = 'deepmind-gutenberg';
/** The split of a hundred books that no model's training should hold. */
const SPLIT = 'test/';
const ANSWER_MS = 120_000;
/** The longest book of PG19 is a tenth of it. */
const MAX_BOOK_BYTES = 64 * 1024 * 1024;

/** The store did not answer, or not with what it lists. */
class CorpusHubError extends CacheonError<'CORPUS_FAILED'> {}

const failed = (url: string, what: string, cause?: unknown): CorpusHubError =>
  new CorpusHubError(
    'CORPUS_FAILED',
    'infra',
    `${url}: ${what}`,
    `run it again: what is here already is not fetched again; ${STORE_VARIABLE} names another store`,
  ).causedBy(cause);

const page = z.looseObject({
  items: z
    .array(
      z.looseObject({
        name: z.string().regex(/^[a-z]+\/\d{1,9}\.txt$/),
        size: z.coerce.number().int().positive().max(MAX_BOOK_BYTES),
        md5Hash: z.base64(),
      }),
    )
    .default([]),
  nextPageToken: z.string().optional(),
});
type Book = z.infer<typeof page>['items'][number];

async function bytesOf(url: string): Promise<Uint8Array> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
    if (!response.ok) throw failed(url, `HTTP ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw error instanceof CorpusHubError ? error : failed(url, messageOf(error), error);
  }
}

/** Every book of the split, page by page. */
async function booksOf(store: string): Promise<Book[]> {
  const books: Book[] = [];
  for (let token: string | undefined = ''; token !== undefined;) {
    const query = new URLSearchParams({ prefix: SPLIT, ...(token !== '' && { pageToken: token }) });
    const url = `${store}/storage/v1/b/${BUCKET}/o?${query.toString()}`;
    const answer = await bytesOf(url);
    try {
      const read = page.parse(JSON.parse(Buffer.from(answer).toString('utf8')));
      books.push(...read.items);
      token = read.nextPageToken;
    } catch (error) {
      throw failed(url, `no list of a bucket: ${messageOf(error).slice(0, 200)}`, error);
    }
  }
  return books;
}

const isBook = (bytes: Uint8Array, { size, md5Hash }: Book): boolean =>
  bytes.length === size && createHash('md5').update(bytes).digest('base64') === md5Hash;

/**
 * Fetches PG19's test split into a folder and writes its manifest. A book that is there with the
 * listed hash stays; every one is written whole or not at all, so a fetch that broke off goes on.
 * Throws `CORPUS_FAILED`.
 */
export async function fetchCorpus(folder: string, log: Log): Promise<void> {
  const store = (process.env[STORE_VARIABLE] ?? STORE).replace(/\/+$/, '');
  mkdirSync(folder, { recursive: true });
  const books = await booksOf(store);
  for (const [index, book] of books.entries()) {
    const file = join(folder, book.name.slice(SPLIT.length));
    if (existsSync(file) && isBook(readFileSync(file), book)) continue;
    const url = `${store}/${BUCKET}/${book.name}`;
    log.info(`  ${index + 1} of ${books.length}: ${book.name}, ${book.size} bytes`);
    const bytes = await bytesOf(url);
    if (!isBook(bytes, book)) throw failed(url, 'other bytes than the list says');
    writeWhole(file, bytes);
  }
  const about = { name: 'pg19', licence: 'public domain', source: `${BUCKET}/${SPLIT}` };
  writeWhole(join(folder, 'manifest.json'), renderJson(makeManifest(folder, about, log)));
}
