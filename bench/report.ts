import { cpus } from 'node:os';
import type { ListResult, Traversal } from './compare-lists.js';
import type { Result, SideResult } from './compare-routes.js';
import type { TokenResult } from './compare-token-checks.js';
import { type Flood, MAX_FLOOD_RATIO } from './floods.js';
import { type LoginTimes, MAX_DIFFERENCE } from './login-times.js';
import { MAX_PURGE_RATIO, MAX_SHUTDOWN, type Purge } from './purge.js';
import { MAX_STALL, type Stall } from './stalls.js';
import type { Ratio } from './statistics.js';
import type { Table } from './table.js';

const ROUTES_HEAD = [
  'route',
  'product req/s',
  'baseline req/s',
  'ratio',
  'min–max',
  'target',
  'result',
  'product p50 ms',
  'product p99 ms',
  'baseline p50 ms',
  'baseline p99 ms',
];
const LISTS_HEAD = [
  'list, 100 per page',
  'first page req/s',
  'last page req/s',
  'last page no.',
  'ratio',
  'min–max',
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
  'min–max',
  'product µs',
  'without query µs',
  'signature only µs',
];

/** Names the machine, because figures of different machines are not comparable. */
export function describeMachine(): string {
  const processors = cpus();
  return `Node ${process.versions.node}, ${processors.length} × ${processors[0]?.model ?? '?'}`;
}

/** @returns a sentence if the result misses its target, otherwise null */
export function describeMiss(result: Result | ListResult): string | null {
  const { name, target } = 'scenario' in result ? result.scenario : result.query;
  if (meetsTarget(result.ratio, target)) return null;
  return `Target missed: the ratio of ${name} is ${result.ratio.median.toFixed(3)}, the target ${target}.`;
}

export function routesTable(results: readonly Result[]): Table {
  const rows = results.map((result) => {
    const { scenario, product, baseline, ratio } = result;
    return [
      `${scenario.method} ${scenario.path}`,
      formatRate(product.requestsPerSecond),
      formatRate(baseline.requestsPerSecond),
      ratio.median.toFixed(2),
      formatRange(ratio, 2),
      scenario.target.toFixed(2),
      meetsTarget(ratio, scenario.target) ? 'met' : 'MISSED',
      ...formatLatencies(product),
      ...formatLatencies(baseline),
    ];
  });
  return [ROUTES_HEAD, ...rows];
}

/** The table has no targets: an HMAC is so fast that the other checks take most of the time. */
export function tokensTable(results: readonly TokenResult[]): Table {
  const rows = results.map(({ check, product, withoutQuery, signatureOnly, ratio }) => [
    check.algorithm,
    formatRate(product),
    formatRate(signatureOnly),
    ratio.median.toFixed(3),
    formatRange(ratio, 3),
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
    ratio.median.toFixed(2),
    formatRange(ratio, 2),
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

function formatRange({ min, max }: Ratio, digits: number): string {
  return `${min.toFixed(digits)}–${max.toFixed(digits)}`;
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
