// Layout, dependency direction and the I/O rule, as lint: a file may touch the outside world only
// under an io/ folder, in src/cli, src/devnet, scripts, or as an action's main.ts. Everything else
// receives ports and returns values.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const MODULES = [
  'arena',
  'chain',
  'devnet',
  'github',
  'harness',
  'pipeline',
  'prompts',
  'results',
  'site',
  'cli',
];

/**
 * What each pure module may import besides itself and core (types only where TYPE_EDGES says so).
 */
const MAY_IMPORT = {
  pipeline: ['arena', 'chain', 'github', 'harness', 'prompts', 'results', 'site'],
};

/** The type-only edges of the dependency picture in README.md. */
const TYPE_EDGES = {
  harness: ['prompts'],
  arena: ['results'],
  site: ['results'],
  github: ['results'],
};

const PURE = ['src/**/*.ts'];
const OUTSIDE = ['src/**/io/**', 'src/cli/**', 'src/devnet/**', '**/*.test.ts', 'scripts/**'];

const ioImports = [
  {
    group: ['node:*', '!node:crypto'],
    message: 'The I/O rule: Node built-ins other than node:crypto belong under io/.',
  },
  { group: ['**/io/**'], message: 'The I/O rule: take a port; only composition roots import io/.' },
  {
    group: ['@polkadot/*', 'dockerode', 'octokit', '@octokit/*', '@actions/*', 'ws'],
    message: 'The I/O rule: this library belongs under io/.',
  },
];

const PURE_RULES = {
  'no-restricted-globals': [
    'error',
    ...[
      'fetch',
      'process',
      'performance',
      'globalThis',
      'WebSocket',
      'setTimeout',
      'setInterval',
      'setImmediate',
      'console',
    ].map((name) => ({ name, message: 'The I/O rule: take a port instead.' })),
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: 'The I/O rule: the clock is an argument.' },
    { object: 'Math', property: 'random', message: 'The I/O rule: the seed is an argument.' },
  ],
  'no-restricted-syntax': [
    'error',
    {
      selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
      message: 'The I/O rule: the clock is an argument.',
    },
    {
      selector: 'ImportExpression',
      message: 'The I/O rule: dynamic imports belong to composition roots.',
    },
  ],
};

/** One block per module: what it may import of its siblings. */
const directions = MODULES.filter((name) => name !== 'cli' && name !== 'devnet').map((name) => {
  const allowed = [name, ...(MAY_IMPORT[name] ?? [])];
  const typeOnly = TYPE_EDGES[name] ?? [];
  const banned = MODULES.filter((other) => !allowed.includes(other) && !typeOnly.includes(other));
  return {
    files: [`src/${name}/**/*.ts`],
    ignores: ['**/*.test.ts', 'src/*/io/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            ...ioImports,
            {
              group: banned.map((other) => `**/${other}/**`),
              message: `src/${name} may not import this module (README, dependency picture).`,
            },
            ...typeOnly.map((other) => ({
              group: [`**/${other}/**`],
              allowTypeImports: true,
              message: 'Only types cross this edge.',
            })),
            {
              group: ['**/actions/**', '**/scripts/**'],
              message: 'src never imports from actions or scripts.',
            },
          ],
        },
      ],
    },
  };
});

export default tseslint.config(
  { ignores: ['**/node_modules/**', 'actions/*/dist/**', '.cache/**'] },
  js.configs.recommended,
  { files: ['scripts/*.js'], languageOptions: { globals: { URL: 'readonly' } } },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: new URL('..', import.meta.url).pathname,
      },
    },
    rules: {
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      'max-lines': ['error', { max: 400 }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // NoUncheckedIndexedAccess makes checked indices say so with "!".
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: true },
      ],
      // Leaving fields out is what rest is for.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      // Zod and interfaces of plain objects trip it, classes here bind nothing.
      '@typescript-eslint/unbound-method': 'off',
      eqeqeq: 'error',
    },
  },
  {
    files: PURE,
    ignores: OUTSIDE,
    rules: {
      ...PURE_RULES,
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: ioImports }],
    },
  },
  {
    files: ['src/core/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [...ioImports, { group: ['../**'], message: 'core imports nothing of ours.' }],
        },
      ],
    },
  },
  ...directions,
  {
    files: ['**/*.test.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
      'max-lines': 'off',
    },
  },
  {
    files: ['scripts/eslint.config.js', 'scripts/*.config.ts'],
    ...tseslint.configs.disableTypeChecked,
    rules: { ...tseslint.configs.disableTypeChecked.rules, 'no-restricted-exports': 'off' },
  },
);
