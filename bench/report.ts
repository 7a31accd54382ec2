import { cpus } from 'node:os';
import type { Result, SideResult } from './contest.js';

const HEAD = [
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

/** The figures mean something together with the machine they come from. */
export function machine(): string {
  const processors = cpus();
  return `Node ${process.versions.node}, ${processors.length} × ${processors[0]?.model ?? '?'}`;
}

export function meetsTarget({ ratio, scenario }: Result): boolean {
  return ratio.median >= scenario.target;
}

export function textTable(results: readonly Result[]): string {
  const rows = [HEAD, ...results.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((cell, column) => pad(cell, widths[column]!, column)).join('  '))
    .join('\n');
}

export function markdownTable(results: readonly Result[]): string {
  const rule = HEAD.map((_, column) => (column === 0 ? '---' : '--:'));
  return [HEAD, rule, ...results.map(cells)].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function cells(result: Result): string[] {
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
}

function latencies({ p50, p99 }: SideResult): string[] {
  return [p50.toFixed(2), p99.toFixed(2)];
}

/** Three digits are more than the noise leaves. */
function rate(requestsPerSecond: number): string {
  return requestsPerSecond < 100 ? requestsPerSecond.toFixed(1) : requestsPerSecond.toFixed(0);
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}
