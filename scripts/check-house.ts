// What lint cannot see in one file: circles of imports (types included), file names and exported
// names that stand twice, and a list of suppressions that grew.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';
import { circles, importGraph, isTest, parse, root, sources } from './import-graph.ts';
import { SHARED_NAMES } from './rooms.js';

const SUPPRESSIONS = 'scripts/lint-suppressions.json';
type Suppressions = Record<string, Record<string, { count: number }>>;

/** Why a file may stand over a limit. A suppression without a reason here fails. */
const REASONS: Readonly<Record<string, string>> = {
  'src/devnet/engine/kernels.ts':
    'dot products of the tiny engine: unrolled, and called a million times a token with six numbers',
  'src/devnet/engine/simd.ts':
    'the same kernels as WebAssembly: their signature is the kernel type',
  'src/devnet/engine/model.ts': 'layers call the kernels with offsets into shared buffers',
};

const files = sources().filter((path) => !isTest(path));
const faults: string[] = [];

for (const circle of circles(importGraph(files)))
  faults.push(`imports go in a circle: ${circle.join(' -> ')}`);

/** Keys that several values share, with those values. */
function shared(pairs: readonly (readonly [key: string, value: string])[]): [string, string[]][] {
  const places = new Map<string, string[]>();
  for (const [key, value] of pairs) places.set(key, [...(places.get(key) ?? []), value]);
  return [...places].filter(([, values]) => values.length > 1);
}

const rooms = files.filter((path) => path.startsWith('src/'));
for (const [name, paths] of shared(rooms.map((path) => [basename(path), path])))
  if (!SHARED_NAMES.includes(name)) faults.push(`a file name stands twice: ${paths.join(', ')}`);

/** Names that a file exports. */
function exportsOf(path: string): string[] {
  return parse(path).statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    if (!modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.map(({ name }) => name.getText());
    const { name } = statement as ts.Statement & { name?: ts.Identifier };
    return name ? [name.text] : [];
  });
}
const named = rooms.flatMap((path) => exportsOf(path).map((name) => [name, path] as const));
for (const [name, paths] of shared(named)) {
  const places = [...new Set(paths)]; // overloads and type-with-value pairs are one name
  if (places.length > 1) faults.push(`the name ${name} is exported by ${places.join(' and ')}`);
}

/** How often each rule is suppressed. */
function totals(list: Suppressions): Map<string, number> {
  const sums = new Map<string, number>();
  for (const rules of Object.values(list))
    for (const [rule, { count }] of Object.entries(rules))
      sums.set(rule, (sums.get(rule) ?? 0) + count);
  return sums;
}

/** The list as the commit before had it; null where that commit is not at hand, or had none. */
function suppressionsBefore(): Suppressions | null {
  try {
    const text = execFileSync('git', ['show', `HEAD^:${SUPPRESSIONS}`], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return JSON.parse(text) as Suppressions;
  } catch {
    return null;
  }
}
const suppressions = JSON.parse(readFileSync(join(root, SUPPRESSIONS), 'utf8')) as Suppressions;
for (const path of Object.keys(suppressions))
  if (REASONS[path] === undefined) faults.push(`${SUPPRESSIONS}: ${path} has no reason here`);
const now = totals(suppressions);
const before = suppressionsBefore();
if (before) {
  const then = totals(before);
  for (const [rule, count] of now)
    if (count > (then.get(rule) ?? 0))
      faults.push(`${SUPPRESSIONS} grew: ${rule} from ${then.get(rule) ?? 0} to ${count}`);
}

for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exit(1);
const left = [...now.values()].reduce((a, b) => a + b, 0);
console.log(`${files.length} files, ${named.length} exported names, ${left} suppressed findings`);
