/**
 * Measures the built product:
 *
 * - its routes, compared with the baseline: the same routes written by hand, with the same
 *   libraries and without a framework; or compared with another build of the product
 * - its token check, compared with the cryptographic operation alone
 * - the last page of long lists, compared with the first page
 * - refused logins of existing users, compared with those of unknown names
 * - several workers, compared with one
 * - how long hostile requests, floods of password hashes and the removal of rows delay others
 * - requests with a large database, compared with a small one
 *
 * `usage` describes the options. The exit code says whether the benchmark ran, not whether it met
 * its targets, because a benchmark is not a test.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresDatabase } from './bench-databases.js';
import { routesChart } from './chart.js';
import { compareRoute, measureRoute, type Rounds } from './compare-routes.js';
import type { TokenResult } from './compare-token-checks.js';
import { measureFloods } from './floods.js';
import { measureGrowth } from './growth.js';
import { describeGrowth } from './growth-report.js';
import { measureLoginTimes } from './login-times.js';
import { type Options, readOptions, usage } from './options.js';
import { buildOther } from './other-build.js';
import { Output } from './output.js';
import { measurePurge } from './purge.js';
import {
  describeLoginTimes,
  describeMachine,
  describeMisses,
  describeTraversal,
  floodsTable,
  listsTable,
  purgeTable,
  routesTable,
  stallsTable,
  tokensTable,
  workersTable,
} from './report.js';
import { requireSameAnswer } from './same-answer.js';
import { titleOf } from './scenarios.js';
import { startWithBaseline, startWithOther } from './servers.js';
import { measureStalls } from './stalls.js';
import { measureWorkers } from './workers.js';

async function run(options: Options): Promise<void> {
  const folder = createTemporaryFolder();
  const output = new Output(options.format);
  const machine = describeMachine();
  output.add({ machine }, () => [machine]);
  if (options.scenarios.length > 0) await runRoutes(folder, options, output);
  if (options.tokenChecks.length > 0) await runTokenChecks(folder, options, output);
  if (options.listQueries.length > 0) await runLists(folder, options, output);
  if (options.loginTimes) {
    const loginTimes = await measureLoginTimes(folder);
    output.add({ loginTimes }, () => [describeLoginTimes(loginTimes)]);
  }
  if (options.stalls) {
    const stalls = await measureStalls(folder);
    output.add({ stalls }, (format) => ['Hostile requests:', format(stallsTable(stalls))]);
  }
  if (options.floods) {
    const floods = await measureFloods(folder);
    const title = 'Logins from elsewhere during floods of password hashes:';
    output.add({ floods }, (format) => [title, format(floodsTable(floods))]);
  }
  if (options.purge) {
    const purge = await measurePurge(folder);
    const title = 'Requests during the removal of expired rows:';
    output.add({ purge }, (format) => [title, format(purgeTable(purge))]);
  }
  if (options.workers) {
    const workers = await measureWorkers(folder, options);
    const title = `Several workers, compared with one: ${options.launches} launches, each with ${options.rounds} rounds of ${options.seconds} s`;
    output.add({ workers }, (format) => [title, format(workersTable(workers))]);
  }
  if (options.growth) {
    const growth = await measureGrowth(folder, options);
    output.add({ growth }, (format) => describeGrowth(growth, options.rows, format));
  }
  output.end();
}

/** Starts the servers several times, because each process has a speed of its own. */
async function runRoutes(folder: string, options: Options, output: Output): Promise<void> {
  const { scenarios, launches, rounds, seconds, against, settings, engine } = options;
  const other = against === undefined ? null : buildOther(against);
  const measured = scenarios.map((): Rounds => ({ product: [], reference: [] }));
  for (let launch = 1; launch <= launches; launch++) {
    const subfolder = join(folder, `launch-${launch}`);
    const database = engine === 'postgres' ? await postgresDatabase() : null;
    if (engine === 'postgres' && !database) return;
    const servers = await (other
      ? startWithOther(subfolder, settings, other)
      : startWithBaseline(subfolder, settings, database?.url));
    for (const [i, scenario] of scenarios.entries()) {
      console.error(`${launch}/${launches}: ${titleOf(scenario)} …`);
      if (!other) await requireSameAnswer(scenario, servers);
      await measureRoute(scenario, servers, { rounds, seconds }, measured[i]!);
    }
    await Promise.all([servers.product.stop(), servers.reference.stop()]);
    await database?.remove();
  }
  const routes = scenarios.map((scenario, i) => compareRoute(scenario, measured[i]!));
  const reference = other?.name ?? 'baseline';
  if (options.chart !== undefined) {
    const title = `Requests per second on ${engine}, as a share of those of the ${reference}`;
    writeFileSync(options.chart, routesChart(routes, title));
  }
  output.add({ reference, settings, routes }, (format) => [
    `Routes on ${engine}, compared with ${reference}: ${launches} launches, each with ${rounds} rounds of ${seconds} s`,
    format(routesTable(routes, other ? 'other' : reference, { hasTargets: !other })),
    ...(other ? [] : describeMisses(routes)),
  ]);
}

async function runTokenChecks(
  folder: string,
  { tokenChecks: checks, rounds, seconds: secondsOfRoutes }: Options,
  output: Output,
): Promise<void> {
  // Imported late: it loads the whole product into the process that puts the servers under load.
  const { compareTokenChecks } = await import('./compare-token-checks.js');
  const seconds = secondsOfRoutes / 2;
  const tokenChecks: TokenResult[] = [];
  for (const check of checks) {
    console.error(`${check.algorithm} …`);
    tokenChecks.push(await compareTokenChecks(check, { folder, rounds, seconds }));
  }
  output.add({ tokenChecks }, (format) => [
    `Token checks: ${rounds} rounds of ${seconds} s`,
    format(tokensTable(tokenChecks)),
  ]);
}

async function runLists(folder: string, options: Options, output: Output): Promise<void> {
  // Imported late, for the same reason.
  const { measureLists } = await import('./lists.js');
  const seconds = options.seconds / 2;
  const lists = await measureLists(folder, { ...options, seconds });
  output.add({ lists }, (format) => [
    `Lists of ${options.crates} crates: ${options.rounds} rounds of ${seconds} s`,
    format(listsTable(lists.results)),
    ...describeMisses(lists.results),
    ...Object.entries(lists.traversals).map(([engine, each]) => describeTraversal(engine, each)),
  ]);
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
