import { cpus } from 'node:os';
import type { ListResult, Traversal } from './compare-lists.js';
import type { Result } from './compare-routes.js';
import type { TokenResult } from './compare-token-checks.js';
import { type Flood, MAX_FLOOD_RATIO } from './floods.js';
import { type LoginTimes, MAX_DIFFERENCE } from './login-times.js';
import { MAX_PURGE_RATIO, MAX_SHUTDOWN, type Purge } from './purge.js';
import { titleOf } from './scenarios.js';
import { MAX_STALL, type Stall } from './stalls.js';
import type { SideResult } from './rounds.js';
import type { Ratio } from './statistics.js';
import type { Table } from './table.js';
import { WORKER_TARGETS, type WorkersResult } from './workers.js';

const LISTS_HEAD = [
  'list, 100 per page',
  'first page req/s',
  'last page req/s',
  'last page no.',
  'ratio',
  'quartiles',
  'target',
  'result',
  'first p50 ms',
  'last p50 ms',
];
const TOKENS_HEAD = [
  'token check',
  'product checks/s',
  'signature only checks/s',
  'ratio',
  'quartiles',
  'product µs',
  'without query µs',
  'signature only µs',
];

/** Names the machine, because figures of different machines are not comparable. */
export function describeMachine(): string {
  const processors = cpus();
  return `Node ${process.versions.node}, ${processors.length} × ${processors[0]?.model ?? '?'}`;
}

/** @returns a sentence for each result that misses its target */
export function describeMisses(results: readonly (Result | ListResult)[]): string[] {
  return results.flatMap((result) => {
    const { name, target } = 'scenario' in result ? result.scenario : result.query;
    if (meetsTarget(result.ratio, target)) return [];
    return `Target missed: the ratio of ${name} is ${result.ratio.median.toFixed(3)}, the target ${target}.`;
  });
}

/**
 * @param reference what the product is compared with
 * @param hasTargets whether the targets of the scenarios apply to this reference
 */
export function routesTable(
  results: readonly Result[],
  reference: string,
  { hasTargets }: { hasTargets: boolean },
): Table {
  const head = [
    ...['route', 'product req/s', `${reference} req/s`, 'ratio', 'quartiles'],
    ...(hasTargets ? ['target', 'result'] : []),
    ...['product CPU µs', `${reference} CPU µs`, 'CPU ratio', 'quartiles'],
    ...['product p50 ms', 'product p99 ms', `${reference} p50 ms`, `${reference} p99 ms`],
  ];
  const rows = results.map(({ scenario, product, reference, ratio, cpuRatio }) => [
    titleOf(scenario),
    formatRate(product.requestsPerSecond),
    formatRate(reference.requestsPerSecond),
    ...formatRatio(ratio, 2),
    ...(hasTargets
      ? [scenario.target.toFixed(2), meetsTarget(ratio, scenario.target) ? 'met' : 'MISSED']
      : []),
    product.cpuPerRequest.toFixed(0),
    reference.cpuPerRequest.toFixed(0),
    ...formatRatio(cpuRatio, 3),
    ...formatLatencies(product),
    ...formatLatencies(reference),
  ]);
  return [head, ...rows];
}

/** The table has no targets: an HMAC is so fast that the other checks take most of the time. */
export function tokensTable(results: readonly TokenResult[]): Table {
  const rows = results.map(({ check, product, withoutQuery, signatureOnly, ratio }) => [
    check.algorithm,
    formatRate(product),
    formatRate(signatureOnly),
    ...formatRatio(ratio, 3),
    microsecondsPerCall(product),
    microsecondsPerCall(withoutQuery),
    microsecondsPerCall(signatureOnly),
  ]);
  return [TOKENS_HEAD, ...rows];
}

export function listsTable(results: readonly ListResult[]): Table {
  const rows = results.map(({ engine, query, page, first, last, ratio }) => [
    `${engine}: GET /api/crates${query.query && '?'}${query.query}`,
    formatRate(first.requestsPerSecond),
    formatRate(last.requestsPerSecond),
    page.toFixed(0),
    ...formatRatio(ratio, 2),
    query.target.toFixed(2),
    meetsTarget(ratio, query.target) ? 'met' : 'MISSED',
    first.p50.toFixed(2),
    last.p50.toFixed(2),
  ]);
  return [LISTS_HEAD, ...rows];
}

export function describeTraversal(
  engine: string,
  { crates, pages, added, seconds }: Traversal,
): string {
  return `${engine}: following \`Link\` returned each of ${crates} crates exactly once, in ${pages} pages and ${seconds.toFixed(1)} s, while ${added} crates were added.`;
}

export function describeLoginTimes({ attempts, known, unknown, difference }: LoginTimes): string {
  const verdict = difference <= MAX_DIFFERENCE ? 'met' : 'MISSED';
  return `Refused logins, medians of ${attempts}: ${known.toFixed(2)} ms for existing users, ${unknown.toFixed(2)} ms for unknown names; the difference is ${(100 * difference).toFixed(1)} % (target: at most ${100 * MAX_DIFFERENCE} %, ${verdict}).`;
}

export function stallsTable(stalls: readonly Stall[]): Table {
  const rows = stalls.map(({ name, status, longest, cheap }) => [
    name,
    String(status),
    longest.toFixed(1),
    cheap === 0 ? '' : cheap.toFixed(1),
    longest - cheap <= MAX_STALL ? 'met' : 'MISSED',
  ]);
  const head = [
    'hostile request',
    'status',
    'longest delay of others, ms',
    'with cheap requests, ms',
  ];
  return [[...head, 'result'], ...rows];
}

export function floodsTable(floods: readonly Flood[]): Table {
  const rows = floods.map(({ name, idle, median, longest, ratio }) => [
    name,
    idle.toFixed(1),
    median.toFixed(1),
    longest.toFixed(1),
    ratio.toFixed(2),
    ratio < MAX_FLOOD_RATIO ? 'met' : 'MISSED',
  ]);
  const head = ['flood', 'idle p50, ms', 'p50 during flood, ms', 'longest, ms', 'ratio', 'result'];
  return [head, ...rows];
}

/** Requests for each CPU second are the inverse of the CPU time for each request. */
export function workersTable(results: readonly WorkersResult[]): Table {
  const head = [
    ...['database, workers, route', 'req/s', 'with one', 'ratio', 'quartiles'],
    ...['per CPU second, ratio', 'quartiles', 'least busy worker', 'result'],
  ];
  const rows = results.map(({ engine, workers, route, smallestShare }) => {
    const { scenario, product, reference, ratio, cpuRatio } = route;
    const { median, lower, upper } = cpuRatio;
    const efficiency = { median: 1 / median, lower: 1 / upper, upper: 1 / lower };
    const { efficiency: minEfficiency, share, writes } = WORKER_TARGETS;
    // One process already hashes passwords on all cores.
    const isFaster = scenario.name === 'login' || ratio.median > writes;
    const isMet =
      workers === 2
        ? efficiency.median >= minEfficiency && smallestShare >= share && isFaster
        : ratio.median >= writes;
    return [
      `${engine}, ${workers}, ${titleOf(scenario)}`,
      formatRate(product.requestsPerSecond),
      formatRate(reference.requestsPerSecond),
      ...formatRatio(ratio, 2),
      ...formatRatio(efficiency, 2),
      smallestShare.toFixed(2),
      isMet ? 'met' : 'MISSED',
    ];
  });
  return [head, ...rows];
}

export function purgeTable(purges: readonly Purge[]): Table {
  const rows = purges.map(({ engine, idle, median, p99, ratio, left, shutdown }) => [
    engine,
    idle.toFixed(2),
    median.toFixed(2),
    p99.toFixed(1),
    ratio.toFixed(2),
    String(left),
    shutdown.toFixed(0),
    ratio < MAX_PURGE_RATIO && shutdown < MAX_SHUTDOWN ? 'met' : 'MISSED',
  ]);
  const milliseconds = ['idle p50, ms', 'p50 during removal, ms', 'p99, ms'];
  return [['database', ...milliseconds, 'ratio', 'rows left', 'shutdown, ms', 'result'], ...rows];
}

function meetsTarget({ median }: Ratio, target: number): boolean {
  return median >= target;
}

/** The median and the quartiles. */
function formatRatio({ median, lower, upper }: Ratio, digits: number): string[] {
  return [median.toFixed(digits), `${lower.toFixed(digits)}–${upper.toFixed(digits)}`];
}

function formatLatencies({ p50, p99 }: SideResult): string[] {
  return [p50.toFixed(2), p99.toFixed(2)];
}

/** About three significant digits: the noise makes further ones meaningless. */
function formatRate(perSecond: number): string {
  return perSecond < 100 ? perSecond.toFixed(1) : perSecond.toFixed(0);
}

function microsecondsPerCall(perSecond: number): string {
  return (1_000_000 / perSecond).toFixed(1);
}
