import { connect } from 'node:net';
import { groupSpecs, isAboutAll, specsIn } from './test/support/groups.js';
import { runAgainIfModulesAreOff } from './test/support/run-again.js';

const root = import.meta.dirname;
const postgresUrl = process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';

const shared = {
  testEnvironment: '<rootDir>/test/support/environment.js',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['dist', '.cache/(?!groups)', 'drivers', 'openapi-checks'].map(
    (folder) => `<rootDir>/${folder}/`,
  ),
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

/** The folder of an area whose end-to-end specs run once, because the database makes no difference. */
const ONE_DATABASE = '/one-database/';

/**
 * The folder of end-to-end specs that take long: kills, failovers, browsers, other languages, commands.
 * `npm run test:slow` runs them, and so does a run that names one.
 */
const SLOW = '/slow/';

/** Paths below this folder. Nest's generators write unit specs beside the source. */
const unitSpecs = ['src', 'test'].flatMap((folder) => specsIn(root, folder, '.spec.ts'));
const allEndToEndSpecs = specsIn(root, 'test', '.e2e-spec.ts');
const isComplete = isAboutAll(process.argv.slice(2), [...unitSpecs, ...allEndToEndSpecs]);
const inGroups = process.env.TEST_GROUPS !== 'false' && isComplete;

const endToEndSpecs = allEndToEndSpecs.filter((spec) => !isComplete || !spec.includes(SLOW));
const postgresSpecs = endToEndSpecs.filter((spec) => !spec.includes(ONE_DATABASE));

/** @param groups how many, if the run is about all specs; otherwise each spec is on its own */
const project = (displayName, specs, groups) => ({
  ...shared,
  displayName,
  testMatch: (inGroups ? groupSpecs(root, displayName, specs, groups) : specs).map(
    (path) => `<rootDir>/${path}`,
  ),
});

/** The whole end-to-end suite, on one of the two databases. */
const endToEnd = (engine, specs, groups) => ({
  ...project(engine, specs, groups),
  setupFilesAfterEnv: ['<rootDir>/test/support/fail-undocumented.ts'],
  globals: { TEST_ENGINE: engine, TEST_POSTGRES_URL: postgresUrl },
});

/** @returns {Promise<import('jest').Config>} */
export default async function config() {
  await runAgainIfModulesAreOff();
  const projects = [project('unit', unitSpecs, 2), endToEnd('sqlite', endToEndSpecs, 9)];
  if (await answers(new URL(postgresUrl))) {
    projects.push(endToEnd('postgres', postgresSpecs, 6));
  } else if (process.env.TEST_REQUIRE_ALL === 'true') {
    throw new Error('PostgreSQL does not answer, and TEST_REQUIRE_ALL wants its run of the suite.');
  } else {
    console.warn(
      'SKIPPED: the end-to-end suite on PostgreSQL. No server answers; name one in TEST_POSTGRES_URL.',
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
