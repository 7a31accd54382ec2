import { connect } from 'node:net';
import { groupSpecs, isAboutAll, specsIn } from './test/support/groups.js';
import { runAgainIfModulesAreOff } from './test/support/run-again.js';

const root = import.meta.dirname;
const postgresUrl = process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';

const shared = {
  testEnvironment: '<rootDir>/test/support/environment.js',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: [
    'dist/',
    'packages/.*/dist/',
    '.cache/(?!groups)',
    'drivers/',
    'openapi-checks/',
  ].map((pattern) => `<rootDir>/${pattern}`),
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: 'es2022',
        },
        module: { type: 'es6' },
      },
    ],
  },
};

/** End-to-end specs in this folder run only on SQLite, because the database makes no difference. */
const ONE_DATABASE = '/one-database/';

/**
 * End-to-end specs in this folder use both databases, or PostgreSQL servers of their own. They run
 * once, and only if PostgreSQL is there.
 */
const BOTH_DATABASES = '/both-databases/';

/**
 * End-to-end specs in this folder take long: kills, failovers, browsers, other languages, commands.
 * They run with `npm run test:slow`, or if the command line names them.
 */
const SLOW = '/slow/';

/** Paths relative to this folder. Nest's generators write unit specs beside the source. */
const unitSpecs = ['src', 'test'].flatMap((folder) => specsIn(root, folder, '.spec.ts'));
const allEndToEndSpecs = specsIn(root, 'test', '.e2e-spec.ts');
const isComplete = isAboutAll(process.argv.slice(2), [...unitSpecs, ...allEndToEndSpecs]);
const inGroups = process.env.TEST_GROUPS !== 'false' && isComplete;

const endToEndSpecs = allEndToEndSpecs.filter((spec) => !isComplete || !spec.includes(SLOW));
const sqliteSpecs = endToEndSpecs.filter((spec) => !spec.includes(BOTH_DATABASES));
const postgresSpecs = endToEndSpecs.filter((spec) => !spec.includes(ONE_DATABASE));

/** @param groups the number of groups, if all specs run; otherwise each spec runs on its own */
const project = (displayName, specs, groups) => ({
  ...shared,
  displayName,
  testMatch: (inGroups ? groupSpecs(root, displayName, specs, groups) : specs).map(
    (path) => `<rootDir>/${path}`,
  ),
});

/** The project of the end-to-end suite on one of the two databases. */
const endToEnd = (engine, specs, groups) => ({
  ...project(engine, specs, groups),
  setupFilesAfterEnv: ['fail-undocumented', 'drop-template'].map(
    (name) => `<rootDir>/test/support/${name}.ts`,
  ),
  globals: { TEST_ENGINE: engine, TEST_POSTGRES_URL: postgresUrl },
});

/** @returns {Promise<import('jest').Config>} */
export default async function config() {
  await runAgainIfModulesAreOff();
  const projects = [project('unit', unitSpecs, 2), endToEnd('sqlite', sqliteSpecs, 6)];
  if (await answers(new URL(postgresUrl))) {
    projects.push(endToEnd('postgres', postgresSpecs, 4));
  } else if (process.env.TEST_REQUIRE_ALL === 'true') {
    throw new Error(
      'PostgreSQL does not answer, but TEST_REQUIRE_ALL requires the suite to run on it.',
    );
  } else {
    console.warn(
      'SKIPPED: the end-to-end suite on PostgreSQL. No server answers; set TEST_POSTGRES_URL to a server.',
    );
  }
  return { projects, maxWorkers: 4, testTimeout: 60_000 };
}

function answers({ hostname, port }) {
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || 5432), timeout: 1000 });
    const finish = (result) => () => {
      socket.destroy();
      resolve(result);
    };
    socket.on('connect', finish(true)).on('error', finish(false)).on('timeout', finish(false));
  });
}
