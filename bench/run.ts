/**
 * Measures the built product. Its routes, against the floor: the same ones written by hand, with
 * the same libraries and no framework. Its check of a token, against the bare cryptographic
 * operation. Its lists of very many ships, the last page against the first. Refused logins of users
 * against those of unknown names, and what hostile requests, floods of hashes and the removal of expired
 * rows do to others. See `usage` for the options. The exit code says whether the benchmark ran, not
 * whether a target was met: a benchmark is no test.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contest, type Result } from './contest.js';
import { startContestants } from './contestants.js';
import { type Options, readOptions, usage } from './options.js';
import { measureLoginTimes } from './login-times.js';
import {
  floodsTable,
  listsTable,
  loginTimesLine,
  machine,
  missed,
  purgeTable,
  routesTable,
  stallsTable,
  tokensTable,
  walkLine,
} from './report.js';
import { measureFloods } from './floods.js';
import { measurePurge } from './purge.js';
import { measureStalls } from './stalls.js';
import type { ListResult } from './list-contest.js';
import type { ListOptions, ListResults } from './lists.js';
import { markdownTable, textTable } from './table.js';
import type { TokenResult } from './token-contest.js';

async function run(options: Options): Promise<void> {
  const folder = temporaryFolder();
  const format = options.markdown ? markdownTable : textTable;
  console.log(machine());
  if (options.scenarios.length > 0) {
    const results = await measureRoutes(folder, options);
    console.log(`\nRoutes: ${options.rounds} rounds of ${options.seconds} s\n`);
    console.log(format(routesTable(results)));
    results.forEach(reportMissed);
  }
  if (options.tokenChecks.length > 0) {
    const seconds = options.seconds / 4;
    const results = await measureTokenChecks(folder, { ...options, seconds });
    console.log(`\nToken checks: ${options.rounds} rounds of ${seconds} s\n`);
    console.log(format(tokensTable(results)));
  }
  if (options.listQueries.length > 0) {
    const seconds = options.seconds / 4;
    const { results, walks } = await listsOf(folder, { ...options, seconds });
    console.log(`\nLists of ${options.ships} ships: ${options.rounds} rounds of ${seconds} s\n`);
    console.log(format(listsTable(results)));
    results.forEach(reportMissed);
    for (const [engine, walk] of Object.entries(walks)) console.log(`\n${walkLine(engine, walk)}`);
  }
  if (options.loginTimes) console.log(`\n${loginTimesLine(await measureLoginTimes(folder))}`);
  if (options.stalls) {
    console.log('\nHostile requests:\n');
    console.log(format(stallsTable(await measureStalls(folder))));
  }
  if (options.floods) {
    console.log('\nA login from elsewhere:\n');
    console.log(format(floodsTable(await measureFloods(folder))));
  }
  if (options.purge) {
    console.log('\nThe removal of expired rows:\n');
    console.log(format(purgeTable(await measurePurge(folder))));
  }
}

async function measureRoutes(
  folder: string,
  { scenarios, rounds, seconds }: Options,
): Promise<Result[]> {
  const contestants = await startContestants(folder);
  const results: Result[] = [];
  for (const scenario of scenarios) {
    console.error(`${scenario.method} ${scenario.path} …`);
    results.push(await contest(scenario, contestants, { rounds, seconds }));
  }
  await Promise.all([contestants.product.stop(), contestants.floor.stop()]);
  return results;
}

function reportMissed(result: Result | ListResult): void {
  const sentence = missed(result);
  if (sentence !== null) console.log(`\n${sentence}`);
}

async function measureTokenChecks(
  folder: string,
  { tokenChecks, rounds, seconds }: Options,
): Promise<TokenResult[]> {
  // Brings the whole product into this process, which has put the servers under load before.
  const { tokenContest } = await import('./token-contest.js');
  const results: TokenResult[] = [];
  for (const check of tokenChecks) {
    console.error(`${check.algorithm} …`);
    results.push(await tokenContest(check, { folder, rounds, seconds }));
  }
  return results;
}

async function listsOf(folder: string, options: ListOptions): Promise<ListResults> {
  // As above.
  const { measureLists } = await import('./lists.js');
  return measureLists(folder, options);
}

/** Removed however this process ends. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

// Without a handler of its own a signal would end the process past all `exit` handlers.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

try {
  const options = readOptions(process.argv.slice(2));
  if (options) await run(options);
  else console.log(usage);
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
