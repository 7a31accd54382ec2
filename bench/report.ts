import { cpus } from 'node:os';
import type { Result, SideResult } from './contest.js';
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

export function meetsTarget({ ratio, scenario }: Result): boolean {
  return ratio.median >= scenario.target;
}

export function routesTable(results: readonly Result[]): Table {
  const rows = results.map((result) => {
    const { scenario, product, floor, ratio } = result;
    return [
      `${scenario.method} ${scenario.path}`,
      rate(product.requestsPerSecond),
      rate(floor.requestsPerSecond),
      ratio.median.toFixed(2),
      `${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)}`,
      scenario.target.toFixed(2),
      meetsTarget(result) ? 'met' : 'MISSED',
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
    `${ratio.min.toFixed(3)}–${ratio.max.toFixed(3)}`,
    microseconds(product),
    microseconds(withoutQuery),
    microseconds(bare),
  ]);
  return [TOKENS_HEAD, ...rows];
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
