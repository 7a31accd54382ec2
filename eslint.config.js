import js from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * The layers of `src/`, from the bottom up. A folder may import folders of its own layer and of the
 * layers before it. Features are not listed: they may import every layer, and no layer may import a
 * feature. See docs/decisions/0001-modules.md.
 */
const layers = [
  ['errors'],
  ['logging', 'scheduling', 'workers'],
  ['config'],
  ['validation'],
  ['database', 'http'],
  ['keys'],
  ['tokens'],
  ['access', 'sessions'],
  ['idempotency', 'limits', 'lists'],
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
    message: 'A layer must not import a higher layer: see docs/decisions/0001-modules.md.',
  }));
});

export default tseslint.config(
  {
    ignores: [
      ...['dist/', '.cache/', 'coverage/', 'node_modules/', 'packages/*/dist/'],
      'packages/client/src/api-types.ts',
      // A separate package, whose dependencies are not installed with the project.
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
      // Classes that only carry Nest's decorators are otherwise empty.
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { varsIgnorePattern: '^_', argsIgnorePattern: '^_' },
      ],
      // Nest needs the classes of constructor and handler parameters at run time. With `import
      // type` it would inject and validate nothing.
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
        ['AbortController', 'console', 'fetch', 'process', 'URL', 'URLSearchParams'].map((name) => [
          name,
          'readonly',
        ]),
      ),
    },
  },
);
