// Reads ledgers from a folder on disk, whatever lies in it.
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { UNREADABLE } from '../read.ts';

/** Largest file read from a ledger. */
export const MAX_FILE_BYTES = 128 * 1024 * 1024;

/** Name of a validator's folder: its ss58 address. */
export const VALIDATOR_FOLDER = /^5[1-9A-HJ-NP-Za-km-z]{46,48}$/;

/**
 * Reads a folder's files; links and other odd things are refused, because a ledger is data and
 * nothing else.
 */
export function readFolder(root: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const walk = (folder: string): void => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name);
      const stat = lstatSync(path);
      if (stat.isDirectory()) walk(path);
      else {
        // A link or a giant is kept under its name, unread: the audit then names its path.
        const usable = stat.isFile() && stat.size <= MAX_FILE_BYTES;
        files.set(
          relative(root, path).split(sep).join('/'),
          usable ? readFileSync(path) : UNREADABLE,
        );
      }
    }
  };
  if (existsSync(root)) walk(root);
  return files;
}

/** What may lie under `results/` beside the ledgers. */
const BESIDE = /^(?:README\.md|\.gitattributes|reruns)$/;

/** Names under `results/` that are no ledger and nothing that belongs beside one. */
export const strayNames = (names: Iterable<string>): string[] =>
  [...new Set(names)].filter((name) => !VALIDATOR_FOLDER.test(name) && !BESIDE.test(name)).sort();

/** Names under a results folder that hold no ledger: odd names, and links in a ledger's place. */
export function strayEntries(results: string): string[] {
  const entries = readdirSync(results, { withFileTypes: true });
  const links = entries.filter(
    (entry) => VALIDATOR_FOLDER.test(entry.name) && !entry.isDirectory(),
  );
  return [...strayNames(entries.map(({ name }) => name)), ...links.map(({ name }) => name)];
}

/** Folders of validators under a results folder. */
export function validatorFolders(results: string): string[] {
  if (!existsSync(results)) return [];
  return readdirSync(results, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && VALIDATOR_FOLDER.test(entry.name))
    .map(({ name }) => name)
    .sort();
}
