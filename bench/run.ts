/**
 * Measures the built product:
 *
 * - its routes, compared with the baseline: the same routes written by hand, with the same
 *   libraries and without a framework
 * - its token check, compared with the cryptographic operation alone
 * - the last page of long lists, compared with the first page
 * - refused logins of existing users, compared with those of unknown names
 * - how long hostile requests, floods of password hashes and the removal of rows delay others
 *
 * `usage` describes the options. The exit code says whether the benchmark ran, not whether it met
 * its targets, because a benchmark is not a test.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ListResult } from './compare-lists.js';
import { compareRoute, type Result } from './compare-routes.js';
import type { TokenResult } from './compare-token-checks.js';
import { measureFloods } from './floods.js';
import type { ListOptions, ListResults } from './lists.js';
import { measureLoginTimes } from './login-times.js';
import { type Options, readOptions, usage } from './options.js';
import { measurePurge } from './purge.js';
import {
  describeLoginTimes,
  describeMachine,
  describeMiss,
  describeTraversal,
  floodsTable,
  listsTable,
  purgeTable,
  routesTable,
  stallsTable,
  tokensTable,
} from './report.js';
import { startServers } from './servers.js';
import { measureStalls } from './stalls.js';
import { markdownTable, textTable } from './table.js';

async function run(options: Options): Promise<void> {
  const folder = createTemporaryFolder();
  const format = options.markdown ? markdownTable : textTable;
  console.log(describeMachine());
  if (options.scenarios.length > 0) {
    const results = await measureRoutes(folder, options);
    console.log(`\nRoutes: ${options.rounds} rounds of ${options.seconds} s\n`);
    console.log(format(routesTable(results)));
    results.forEach(reportMiss);
  }
  if (options.tokenChecks.length > 0) {
    const seconds = options.seconds / 4;
    const results = await measureTokenChecks(folder, { ...options, seconds });
    console.log(`\nToken checks: ${options.rounds} rounds of ${seconds} s\n`);
    console.log(format(tokensTable(results)));
  }
  if (options.listQueries.length > 0) {
    const seconds = options.seconds / 4;
    const { results, traversals } = await measureListsOf(folder, { ...options, seconds });
    console.log(`\nLists of ${options.crates} crates: ${options.rounds} rounds of ${seconds} s\n`);
    console.log(format(listsTable(results)));
    results.forEach(reportMiss);
    for (const [engine, traversal] of Object.entries(traversals)) {
      console.log(`\n${describeTraversal(engine, traversal)}`);
    }
  }
  if (options.loginTimes) {
    console.log(`\n${describeLoginTimes(await measureLoginTimes(folder))}`);
  }
  if (options.stalls) {
    console.log('\nHostile requests:\n');
    console.log(format(stallsTable(await measureStalls(folder))));
  }
  if (options.floods) {
    console.log('\nLogins from elsewhere during floods of password hashes:\n');
    console.log(format(floodsTable(await measureFloods(folder))));
  }
  if (options.purge) {
    console.log('\nRequests during the removal of expired rows:\n');
    console.log(format(purgeTable(await measurePurge(folder))));
  }
}

async function measureRoutes(
  folder: string,
  { scenarios, rounds, seconds }: Options,
): Promise<Result[]> {
  const servers = await startServers(folder);
  const results: Result[] = [];
  for (const scenario of scenarios) {
    console.error(`${scenario.method} ${scenario.path} …`);
    results.push(await compareRoute(scenario, servers, { rounds, seconds }));
  }
  await Promise.all([servers.product.stop(), servers.baseline.stop()]);
  return results;
}

function reportMiss(result: Result | ListResult): void {
  const sentence = describeMiss(result);
  if (sentence !== null) console.log(`\n${sentence}`);
}

async function measureTokenChecks(
  folder: string,
  { tokenChecks, rounds, seconds }: Options,
): Promise<TokenResult[]> {
  // Imported late: it loads the whole product into the process that puts the servers under load.
  const { compareTokenChecks } = await import('./compare-token-checks.js');
  const results: TokenResult[] = [];
  for (const check of tokenChecks) {
    console.error(`${check.algorithm} …`);
    results.push(await compareTokenChecks(check, { folder, rounds, seconds }));
  }
  return results;
}

async function measureListsOf(folder: string, options: ListOptions): Promise<ListResults> {
  // Imported late, for the same reason.
  const { measureLists } = await import('./lists.js');
  return measureLists(folder, options);
}

/** Creates a folder that is removed when this process exits. */
function createTemporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

// Without these handlers a signal would end the process without calling the `exit` handlers.
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
