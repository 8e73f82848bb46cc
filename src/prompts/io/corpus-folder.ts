// Corpus in a folder of text files, pinned by a manifest of hashes.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderJson } from '../../core/canonical.ts';
import { messageOf } from '../../core/errors.ts';
import { sha256Hex } from '../../core/hash.ts';
import type { Log } from '../../core/log.ts';
import {
  type Corpus,
  documentFault,
  generatedCorpus,
  type Manifest,
  manifestSchema,
} from '../corpus.ts';
import { PromptError } from '../errors.ts';

/** Where an arena's corpus is pinned. */
export type CorpusSource = 'generated' | { name: string; manifestSha256: string | null };

/**
 * Makes the manifest of a folder of texts; files that fail the filters are left out, with the
 * reason told to `log`.
 */
export function makeManifest(
  folder: string,
  about: { name: string; licence: string; source: string },
  log: Log,
): Manifest {
  const documents = readdirSync(folder)
    .filter((file) => file.endsWith('.txt'))
    .sort()
    .flatMap((file) => {
      const bytes = readFileSync(join(folder, file));
      const fault = documentFault(bytes.toString('utf8'));
      if (fault !== null) log.warn(`${file} left out: ${fault}`);
      return fault === null ? [{ file, sha256: sha256Hex(bytes) }] : [];
    });
  if (documents.length < 2)
    throw new PromptError(
      'BAD_CORPUS',
      'usage',
      `${folder} has ${documents.length} texts that pass the filters; two are the least`,
      'a corpus is a folder of .txt files of at least 4,000 characters, half of them letters',
    );
  return { schema: 1, ...about, documents };
}

const badCorpus = (message: string, hint: string): PromptError =>
  new PromptError('BAD_CORPUS', 'usage', message, hint);

/** The folder of an arena's corpus. Throws where none is named, or none is there. */
function corpusFolder(source: CorpusSource, folder: string | undefined): string {
  if (folder === undefined)
    throw new PromptError(
      'CORPUS_NEEDED',
      'usage',
      `this arena takes its passages from the corpus ${source === 'generated' ? '' : source.name}`,
      'name its folder with --corpus DIR (cacheon arena pin --fetch --corpus DIR gets it); to try a server without it: cacheon check, or an arena whose corpus is "generated"',
    );
  if (!existsSync(folder))
    throw badCorpus(`there is no folder ${folder}`, 'name a folder of .txt files');
  return folder;
}

/** The text of a folder's manifest, made now where it has none. */
function manifestText(folder: string, file: string, log: Log): string {
  if (existsSync(file)) return readFileSync(file, 'utf8');
  log.warn(
    `${folder} has no manifest.json: its texts are not pinned (make one with: node scripts/corpus-manifest.ts ${folder})`,
  );
  const about = { name: 'unpinned', licence: 'unknown', source: folder };
  return renderJson(makeManifest(folder, about, log));
}

function parseManifest(text: string, file: string): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw badCorpus(
      `${file} is not a corpus manifest: ${messageOf(error).slice(0, 200)}`,
      'make it again with scripts/corpus-manifest.ts',
    ).causedBy(error);
  }
}

/** A document's text; its bytes must be those of the manifest. */
function documentText(
  folder: string,
  { file: name, sha256 }: Manifest['documents'][number],
): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(join(folder, name));
  } catch (error) {
    throw badCorpus(`${name} of the manifest is missing in ${folder}`, 'restore the file').causedBy(
      error,
    );
  }
  if (sha256Hex(bytes) !== sha256)
    throw badCorpus(`${name} does not have the sha256 of the manifest`, 'restore the file');
  return bytes.toString('utf8').replace(/\r\n/g, '\n');
}

/**
 * Opens the corpus an arena names: the generated one, or a folder whose files equal its manifest.
 */
export function openCorpus(source: CorpusSource, given: string | undefined, log: Log): Corpus {
  if (source === 'generated' && given === undefined) return generatedCorpus();
  const folder = corpusFolder(source, given);
  const file = join(folder, 'manifest.json');
  const text = manifestText(folder, file, log);
  const id = sha256Hex(text);
  const pinned = source === 'generated' ? null : source.manifestSha256;
  if (pinned !== null && pinned !== id)
    throw badCorpus(`${file} has sha256 ${id}, the arena pins ${pinned}`, 'use the pinned corpus');
  const { documents } = parseManifest(text, file);
  return {
    id,
    documents: documents.map((document) => ({
      name: document.file,
      text: () => documentText(folder, document),
    })),
  };
}
