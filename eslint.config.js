import js from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * The folders of `src/` that others build on, from the bottom up: a folder imports those of its own
 * line and of the lines before. Features are not listed: they may import all of these, and none of
 * these may import a feature. See docs/decisions/0001-modules.md.
 */
const layers = [
  ['errors'],
  ['logging', 'scheduling'],
  ['config'],
  ['validation'],
  ['database', 'http'],
  ['keys'],
  ['tokens'],
  ['access', 'sessions'],
  ['limits', 'lists'],
  ['audit', 'passwords'],
  ['users'],
  ['auth'],
];
const zones = layers.flatMap((folders, level) => {
  const allowed = layers.slice(0, level + 1).flat();
  return folders.map((folder) => ({
    target: `./src/${folder}`,
    from: './src',
    except: allowed.map((name) => `./${name}`),
    message: 'Imports go down only: see docs/decisions/0001-modules.md.',
  }));
});

export default tseslint.config(
  {
    ignores: [
      ...['dist/', '.cache/', 'coverage/', 'node_modules/', 'test/support/api-types.ts'],
      // A package of its own, which the project's install does not bring.
      'openapi-checks/',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
      },
    },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/extensions': ['.ts', '.js'],
      'import-x/resolver-next': [createNodeResolver({ extensionAlias: { '.js': ['.ts', '.js'] } })],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      // Nest's decorators mark what is otherwise an empty class or an unused name.
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { varsIgnorePattern: '^_', argsIgnorePattern: '^_' },
      ],
      // A class that a constructor or a handler takes must be a real import, or Nest injects and
      // validates nothing: the rule that prefers `import type` stays off.
      '@typescript-eslint/consistent-type-imports': 'off',
      '@typescript-eslint/require-await': 'off',
      'import-x/no-cycle': 'error',
      'no-restricted-imports': 'off',
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          name: 'better-sqlite3',
          message: 'Use loadSqliteDriver, which chooses the version that is safe on this Node.',
          allowTypeImports: true,
        },
      ],
      'import-x/no-restricted-paths': ['error', { zones, basePath: import.meta.dirname }],
      'max-lines': ['error', { max: 200, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: [
      'test/**',
      '**/*.spec.ts',
      'bench/**',
      'fuzz/**',
      'mutate/**',
      'migrations/**',
      '**/*.js',
    ],
    rules: { 'max-lines': 'off', 'max-lines-per-function': 'off' },
  },
  {
    files: ['**/*.js'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      parserOptions: { projectService: false },
      globals: Object.fromEntries(
        ['console', 'fetch', 'process', 'URL', 'URLSearchParams'].map((name) => [name, 'readonly']),
      ),
    },
  },
);
