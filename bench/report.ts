import { cpus } from 'node:os';
import type { Result, SideResult } from './contest.js';
import type { ListResult, Walk } from './list-contest.js';
import { ALIKE, type LoginTimes } from './login-times.js';
import { type Flood, LONGEST_RATIO } from './floods.js';
import { LONGEST_PURGE_RATIO, LONGEST_SHUTDOWN, type Purge } from './purge.js';
import { LONGEST_STALL, type Stall } from './stalls.js';
import type { Ratio } from './statistics.js';
import type { Table } from './table.js';
import type { TokenResult } from './token-contest.js';

const ROUTES_HEAD = [
  'route',
  'product req/s',
  'floor req/s',
  'ratio',
  'rounds',
  'target',
  'result',
  'product p50 ms',
  'product p99 ms',
  'floor p50 ms',
  'floor p99 ms',
];
const LISTS_HEAD = [
  'list, 100 a page',
  'first page req/s',
  'last page req/s',
  'which is page',
  'ratio',
  'rounds',
  'target',
  'result',
  'first p50 ms',
  'last p50 ms',
];
const TOKENS_HEAD = [
  'token check',
  'product checks/s',
  'bare checks/s',
  'ratio',
  'rounds',
  'product µs',
  'without the query µs',
  'bare µs',
];

/** The figures mean something together with the machine they come from. */
export function machine(): string {
  const processors = cpus();
  return `Node ${process.versions.node}, ${processors.length} × ${processors[0]?.model ?? '?'}`;
}

/** A sentence where the result does not reach its target, else null. */
export function missed(result: Result | ListResult): string | null {
  const { name, target } = 'scenario' in result ? result.scenario : result.query;
  if (meets(result.ratio, target)) return null;
  return `Missed: ${name} reaches ${result.ratio.median.toFixed(3)}, and should ${target}.`;
}

export function routesTable(results: readonly Result[]): Table {
  const rows = results.map((result) => {
    const { scenario, product, floor, ratio } = result;
    return [
      `${scenario.method} ${scenario.path}`,
      rate(product.requestsPerSecond),
      rate(floor.requestsPerSecond),
      ratio.median.toFixed(2),
      spread(ratio, 2),
      scenario.target.toFixed(2),
      meets(ratio, scenario.target) ? 'met' : 'MISSED',
      ...latencies(product),
      ...latencies(floor),
    ];
  });
  return [ROUTES_HEAD, ...rows];
}

/** Without targets: beside an HMAC, whatever else is checked is most of the work. */
export function tokensTable(results: readonly TokenResult[]): Table {
  const rows = results.map(({ check, product, withoutQuery, bare, ratio }) => [
    check.algorithm,
    rate(product),
    rate(bare),
    ratio.median.toFixed(3),
    spread(ratio, 3),
    microseconds(product),
    microseconds(withoutQuery),
    microseconds(bare),
  ]);
  return [TOKENS_HEAD, ...rows];
}

export function listsTable(results: readonly ListResult[]): Table {
  const rows = results.map(({ engine, query, page, first, last, ratio }) => [
    `${engine}: GET /api/ships${query.query && '?'}${query.query}`,
    rate(first.requestsPerSecond),
    rate(last.requestsPerSecond),
    page.toFixed(0),
    ratio.median.toFixed(2),
    spread(ratio, 2),
    query.target.toFixed(2),
    meets(ratio, query.target) ? 'met' : 'MISSED',
    first.p50.toFixed(2),
    last.p50.toFixed(2),
  ]);
  return [LISTS_HEAD, ...rows];
}

export function walkLine(engine: string, { ships, pages, added, seconds }: Walk): string {
  return `${engine}: a walk by Link met each of ${ships} ships once, in ${pages} pages and ${seconds.toFixed(1)} s, while ${added} were added.`;
}

export function loginTimesLine({ tries, known, unknown, difference }: LoginTimes): string {
  const verdict = difference <= ALIKE ? 'met' : 'MISSED';
  return `Refused logins, medians of ${tries}: ${known.toFixed(2)} ms of users, ${unknown.toFixed(2)} ms of unknown names; they differ by ${(100 * difference).toFixed(1)} % (${100 * ALIKE} % allowed: ${verdict}).`;
}

export function stallsTable(stalls: readonly Stall[]): Table {
  const rows = stalls.map(({ name, status, longest, cheap }) => [
    name,
    String(status),
    longest.toFixed(1),
    cheap === 0 ? '' : cheap.toFixed(1),
    longest - cheap <= LONGEST_STALL ? 'met' : 'MISSED',
  ]);
  const head = [
    'hostile request',
    'status',
    'longest wait of another, ms',
    'beside cheap ones, ms',
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
    ratio < LONGEST_RATIO ? 'met' : 'MISSED',
  ]);
  const head = ['flood', 'idle login, ms', 'median under it, ms', 'longest, ms', 'ratio', 'result'];
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
    ratio < LONGEST_PURGE_RATIO && shutdown < LONGEST_SHUTDOWN ? 'met' : 'MISSED',
  ]);
  const milliseconds = ['idle p50, ms', 'p50 meanwhile, ms', 'p99, ms'];
  return [['database', ...milliseconds, 'ratio', 'rows left', 'shutdown, ms', 'result'], ...rows];
}

function meets({ median }: Ratio, target: number): boolean {
  return median >= target;
}

function spread({ min, max }: Ratio, digits: number): string {
  return `${min.toFixed(digits)}–${max.toFixed(digits)}`;
}

function latencies({ p50, p99 }: SideResult): string[] {
  return [p50.toFixed(2), p99.toFixed(2)];
}

/** Three digits are more than the noise leaves. */
function rate(perSecond: number): string {
  return perSecond < 100 ? perSecond.toFixed(1) : perSecond.toFixed(0);
}

function microseconds(perSecond: number): string {
  return (1_000_000 / perSecond).toFixed(1);
}
