// The rules of the house as lint: limits of a function and a file, who may import whom, and the
// I/O rule (a file touches the outside world only where scripts/rooms.js says so).
// What cannot be brought under a limit yet stands in scripts/lint-suppressions.json.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import house from './lint-rules.js';

const TESTS = ['**/*.test.ts'];
/** The same list as `mayTouchTheWorld` in rooms.js, as globs. */
const OUTSIDE = ['src/**/io/**', 'src/{node,compose,cli,devnet,testing}/**', ...TESTS];

const ioImports = [
  {
    group: ['node:*', '!node:crypto'],
    message: 'The I/O rule: Node built-ins other than node:crypto belong under io/.',
  },
  {
    group: ['@polkadot/*', 'dockerode', 'octokit', '@octokit/*', '@actions/*', 'ws'],
    message: 'The I/O rule: this library belongs under io/.',
  },
];

const PURE_RULES = {
  '@typescript-eslint/no-restricted-imports': ['error', { patterns: ioImports }],
  'no-restricted-globals': [
    'error',
    ...[
      ...['fetch', 'process', 'performance', 'globalThis', 'WebSocket'],
      ...['setTimeout', 'setInterval', 'setImmediate', 'console'],
    ].map((name) => ({ name, message: 'The I/O rule: take a port instead.' })),
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: 'The I/O rule: the clock is an argument.' },
    { object: 'Math', property: 'random', message: 'The I/O rule: the seed is an argument.' },
  ],
};

const ASSIGNED = {
  selector: ':not(ExpressionStatement, ForStatement) > AssignmentExpression',
  message: 'an assignment is a statement of its own',
};
const PURE_SYNTAX = [
  {
    selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
    message: 'The I/O rule: the clock is an argument.',
  },
  {
    selector: 'ImportExpression',
    message: 'The I/O rule: dynamic imports belong to composition roots.',
  },
];

/** Limits of the house: what a reader can hold in mind at once. */
const LIMITS = {
  'max-lines': ['error', { max: 300 }],
  'max-lines-per-function': ['error', { max: 70 }],
  'max-params': ['error', { max: 4 }],
  complexity: ['error', { max: 15 }],
  'no-nested-ternary': 'error',
  'no-restricted-syntax': ['error', ASSIGNED],
};

export default tseslint.config(
  { ignores: ['**/node_modules/**', 'actions/*/dist/**', '.cache/**'] },
  js.configs.recommended,
  { files: ['scripts/*.js'], languageOptions: { globals: { URL: 'readonly' } } },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    plugins: { house },
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: new URL('..', import.meta.url).pathname,
      },
    },
    rules: {
      ...LIMITS,
      'house/purpose': 'error',
      'house/directions': 'error',
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // noUncheckedIndexedAccess makes checked indices say so with "!"
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: true },
      ],
      // leaving fields out is what rest is for
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      // zod and interfaces of plain objects trip it, classes here bind nothing
      '@typescript-eslint/unbound-method': 'off',
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: OUTSIDE,
    rules: {
      ...PURE_RULES,
      'no-restricted-syntax': ['error', ASSIGNED, ...PURE_SYNTAX],
    },
  },
  {
    files: TESTS,
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
      // A suite is one long call; a test may import whatever it tries against each other.
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      'no-restricted-syntax': 'off',
      'house/directions': 'off',
    },
  },
  {
    files: ['scripts/*.js'],
    ...tseslint.configs.disableTypeChecked,
    rules: { ...tseslint.configs.disableTypeChecked.rules, 'no-restricted-exports': 'off' },
  },
);
