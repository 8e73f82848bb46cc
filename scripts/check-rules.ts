// Whether .github/RULES.md and the code name each other rightly: every heading once, every file and
// name of a `Code:` line there, every heading that a comment cites there.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VERDICTS } from '../src/schema/verdicts.ts';
import { root, sources } from './import-graph.ts';

const RULES = '.github/RULES.md';
const faults: string[] = [];
const text = readFileSync(join(root, RULES), 'utf8');

const headings = [...text.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading!);
const twice = headings.filter((heading, i) => headings.indexOf(heading) !== i);
for (const heading of twice) faults.push(`${RULES}: the heading "${heading}" stands twice`);

// A formatter turns a line that begins with an operator into a list or a quote.
const lines = text.split('\n');
const start = lines.findIndex((line) => line.startsWith('## '));
for (const [i, line] of lines.entries())
  if (i > start && /^\s*(?:[-+>] |\d+\. )/.test(line))
    faults.push(`${RULES}:${i + 1} begins with an operator: put the formula in backticks`);

for (const [, path] of text.matchAll(/`((?:src|scripts|actions|\.github)\/[\w./-]+\.\w+)`/g))
  if (!existsSync(join(root, path!))) faults.push(`${RULES} names ${path!}, which is not there`);

const listed = new Set([...text.matchAll(/^\| `([A-Z]+(?:_[A-Z]+)*)` /gm)].map(([, code]) => code));
for (const verdict of VERDICTS)
  if (!listed.has(verdict)) faults.push(`${RULES}: the table of verdicts lacks ${verdict}`);

/** The rules, each with its text. */
const rules = text.split(/^### /m).slice(1);
const declares = (source: string, name: string): boolean =>
  new RegExp(`\\b(?:const|function\\*?|class|type|interface) ${name}\\b`).test(source);
for (const rule of rules) {
  const heading = rule.slice(0, rule.indexOf('\n'));
  const code = /^Code: ([\s\S]*?)(?=\n\n|$(?![\s\S]))/m.exec(rule)?.[1];
  if (code === undefined) {
    faults.push(`${RULES}: "${heading}" names no file`);
    continue;
  }
  for (const [, path, names] of code.matchAll(/`([^`]+)`(?:\s+\(([^)]*)\))?/g)) {
    if (path!.includes('*')) continue;
    if (!existsSync(join(root, path!))) {
      faults.push(`${RULES}: "${heading}" names ${path!}, which is not there`);
      continue;
    }
    const source = readFileSync(join(root, path!), 'utf8');
    for (const [, name] of (names ?? '').matchAll(/`(\w+)/g))
      if (!declares(source, name!))
        faults.push(`${RULES}: "${heading}" names ${name!}, which ${path!} does not declare`);
  }
}

const pages = ['CONTRIBUTING.md', 'SECURITY.md', 'ARCHITECTURE.md'].map(
  (name) => `.github/${name}`,
);
for (const path of [...sources(), ...pages, 'README.md']) {
  const comments = readFileSync(join(root, path), 'utf8').replace(/\n\s*(?:\*|\/\/) ?/g, ' ');
  for (const [, heading] of comments.matchAll(/RULES\s+"([^"$]+)"/g))
    if (!headings.includes(heading!))
      faults.push(`${path} cites RULES "${heading!}": no such rule`);
}

for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exit(1);
console.log(`${headings.length} rules`);
