// Figures of a code base's shape: node scripts/figures.ts [FOLDER...] (default: src, actions and
// scripts of this repository). Tests and bundles are left out. ARCHITECTURE.md shows the table.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ESLint, type Linter } from 'eslint';
import ts from 'typescript';
import tseslint from 'typescript-eslint';

const LIMIT_COLUMNS = 100;
const LIMIT_FUNCTION_LINES = 70;

/** Every TypeScript source below a folder, in a fixed order. */
function sourcesBelow(folder: string): string[] {
  if (statSync(folder).isFile()) return [folder];
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory())
        return /^(?:node_modules|dist|__tests__|\..*)$/.test(entry.name) ? [] : sourcesBelow(path);
      return /\.ts$/.test(path) && !/\.(?:test|d)\.ts$/.test(path) ? [path] : [];
    });
}

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? 0;

const isFunction = (node: ts.Node): node is ts.FunctionLikeDeclaration =>
  ts.isFunctionDeclaration(node) ||
  ts.isFunctionExpression(node) ||
  ts.isArrowFunction(node) ||
  ts.isMethodDeclaration(node) ||
  ts.isConstructorDeclaration(node) ||
  ts.isAccessor(node);

type Shape = {
  functionLines: number[];
  parameters: number[];
  nestedTernaries: number;
  exports: number;
  documented: number;
};

function addShape(shape: Shape, text: string, path: string): void {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lineOf = (at: number): number => file.getLineAndCharacterOfPosition(at).line;
  const visit = (node: ts.Node): void => {
    if (isFunction(node) && node.body) {
      shape.functionLines.push(lineOf(node.end) - lineOf(node.getStart()) + 1);
      shape.parameters.push(node.parameters.length);
    }
    if (ts.isConditionalExpression(node) && ts.isConditionalExpression(node.parent))
      shape.nestedTernaries++;
    ts.forEachChild(node, visit);
  };
  visit(file);
  for (const statement of file.statements) {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    if (!modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) continue;
    shape.exports++;
    if (/\/\*\*/.test(statement.getFullText().slice(0, statement.getLeadingTriviaWidth())))
      shape.documented++;
  }
}

/** How many functions have more than 15, and more than 20 paths, by ESLint's own rule. */
async function complexities(files: readonly string[]): Promise<[number, number]> {
  const rule: Linter.RulesRecord = { complexity: ['error', { max: 15 }] };
  const eslint = new ESLint({
    cwd: '/',
    overrideConfigFile: true,
    overrideConfig: {
      files: ['**/*.ts'],
      languageOptions: { parser: tseslint.parser },
      linterOptions: { noInlineConfig: true },
      rules: rule,
    },
  });
  const results = await eslint.lintFiles([...files]);
  const counts = results.flatMap(({ messages }) =>
    messages.map(({ message }) => Number(/complexity of (\d+)/.exec(message)?.[1] ?? 0)),
  );
  return [counts.filter((count) => count > 15).length, counts.filter((count) => count > 20).length];
}

/** The figures of some folders, in the order of the table's rows. */
export async function figuresOf(
  folders: readonly string[],
): Promise<[name: string, text: string][]> {
  const files = folders.flatMap(sourcesBelow);
  const texts = files.map((path) => readFileSync(path, 'utf8'));
  const shape: Shape = {
    functionLines: [],
    parameters: [],
    nestedTernaries: 0,
    exports: 0,
    documented: 0,
  };
  texts.forEach((text, i) => addShape(shape, text, files[i]!));
  const lines = texts.map((text) => text.split('\n').length - 1);
  const widths = texts.flatMap((text) => text.split('\n').map((line) => line.length));
  const wide = widths.filter((width) => width > LIMIT_COLUMNS).length;
  const over = (values: readonly number[], most: number): number =>
    values.filter((value) => value > most).length;
  const [over15, over20] = await complexities(files);
  const percent = (part: number, whole: number): string => ((100 * part) / whole).toFixed(1);
  return [
    ['files', String(files.length)],
    ['lines', lines.reduce((a, b) => a + b, 0).toLocaleString('en-US')],
    ['file p50/p90/max', [0.5, 0.9, 1].map((share) => quantile(lines, share)).join('/')],
    ['line width p90; over 100', `${quantile(widths, 0.9)}; ${percent(wide, widths.length)} %`],
    [
      'functions over 70 lines (over 60)',
      `${over(shape.functionLines, LIMIT_FUNCTION_LINES)} (${over(shape.functionLines, 60)})`,
    ],
    ['parameters over 5 (over 4)', `${over(shape.parameters, 5)} (${over(shape.parameters, 4)})`],
    ['cyclomatic over 15 (over 20)', `${over15} (${over20})`],
    ['nested ternaries', String(shape.nestedTernaries)],
    ['documented exports', `${percent(shape.documented, shape.exports).replace(/\..*/, '')} %`],
  ];
}

if (process.argv[1] === import.meta.filename) {
  const root = new URL('..', import.meta.url).pathname;
  const given = process.argv.slice(2);
  const folders =
    given.length > 0 ? given : ['src', 'actions', 'scripts'].map((name) => join(root, name));
  for (const [name, text] of await figuresOf(folders)) console.log(`${name}: ${text}`);
}
