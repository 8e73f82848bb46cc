// The table of attacks in SECURITY.md: each by its id, with the tests that are named by it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ATTACKS } from '../src/testing/attacks.ts';

const root = new URL('..', import.meta.url).pathname;
const TITLE = /\b(?:it|test|describe)(?:\.\w+)*(?:\([^)]*\))?\(\s*(['"`])((?:\\.|(?!\1).)*)\1/g;

/** Ids in the titles of tests, by the file that they stand in. Cases of `each` count as titles. */
function idsByFile(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const files = readdirSync(join(root, 'src'), { recursive: true }) as string[];
  for (const path of files.filter((name) => name.endsWith('.test.ts')).sort()) {
    const text = readFileSync(join(root, 'src', path), 'utf8');
    const titles = [...text.matchAll(TITLE)].map((match) => match[2]!);
    const cases = [...text.matchAll(/\[\s*(['"`])([TFAIS]\d{1,2} (?:\\.|(?!\1).)*)\1/g)];
    for (const title of [...titles, ...cases.map((match) => match[2]!)])
      for (const [id] of title.matchAll(/\b[TFAIS]\d{1,2}\b/g))
        found.set(id, (found.get(id) ?? new Set()).add(path));
  }
  return found;
}

/** The table, and the ids that no test is named by. */
export function attackTable(): { readonly table: string; readonly missing: string[] } {
  const tests = idsByFile();
  const missing = ATTACKS.filter(
    ({ id, outOfScope }) => outOfScope === undefined && !tests.has(id),
  );
  const rows = ATTACKS.map(({ id, what, outOfScope }) => {
    const files = [...(tests.get(id) ?? [])].map((path) => `\`src/${path}\``).join(', ');
    return `| ${id} | ${what} | ${outOfScope === undefined ? files : `out of scope: ${outOfScope}`} |`;
  });
  const table = ['| id | what | tests of that name |', '|---|---|---|', ...rows].join('\n');
  return { table, missing: missing.map(({ id }) => id) };
}
