import { MAX_GROWTH_RATIO } from './compare-sizes.js';
import type { Growth } from './growth.js';
import { purgeTable } from './report.js';
import type { Table } from './table.js';

const MEGABYTE = 1_000_000;

/** @param format turns a table into text */
export function describeGrowth(
  growths: readonly Growth[],
  rows: number,
  format: (table: Table) => string,
): string[] {
  const count = rows.toLocaleString('en');
  return [
    `A large database (${count} sessions, revoked tokens and audit entries), compared with one that has a hundredth of them:`,
    format(requestsTable(growths)),
    'Start and memory of the process:',
    format(processTable(growths)),
    'Bytes for each row of the large database:',
    format(sizesTable(growths)),
    'Requests during the removal of expired sessions and audit entries from the large database:',
    format(purgeTable(growths.map(({ purge }) => purge))),
  ];
}

function requestsTable(growths: readonly Growth[]): Table {
  const head = [
    ...['request', 'small req/s', 'large req/s', 'time ratio', 'quartiles'],
    ...['small CPU µs', 'large CPU µs', 'CPU ratio', 'quartiles', 'bound', 'result'],
    ...['small p50 ms', 'large p50 ms', 'small p99 ms', 'large p99 ms'],
  ];
  const rows = growths.flatMap(({ engine, requests }) =>
    requests.map(({ name, small, large, ratio, cpuRatio }) => [
      `${engine}: ${name}`,
      ...[small, large].map(({ requestsPerSecond }) => requestsPerSecond.toFixed(0)),
      ratio.median.toFixed(2),
      `${ratio.lower.toFixed(2)}–${ratio.upper.toFixed(2)}`,
      ...[small, large].map(({ cpuPerRequest }) => cpuPerRequest.toFixed(0)),
      cpuRatio.median.toFixed(2),
      `${cpuRatio.lower.toFixed(2)}–${cpuRatio.upper.toFixed(2)}`,
      MAX_GROWTH_RATIO.toFixed(2),
      Math.max(ratio.median, cpuRatio.median) <= MAX_GROWTH_RATIO ? 'met' : 'MISSED',
      ...[small.p50, large.p50, small.p99, large.p99].map((each) => each.toFixed(2)),
    ]),
  );
  return [head, ...rows];
}

function processTable(growths: readonly Growth[]): Table {
  const head = ['database', 'small start, ms', 'large start, ms', 'small, MB', 'large, MB'];
  const rows = growths.map(({ engine, start, memory }) => [
    engine,
    ...[start.small, start.large].map((each) => each.toFixed(0)),
    ...[memory.small, memory.large].map((each) => (each / MEGABYTE).toFixed(0)),
  ]);
  return [head, ...rows];
}

function sizesTable(growths: readonly Growth[]): Table {
  const rows = growths.flatMap(({ engine, tables }) =>
    tables.map(({ table, rows, bytesPerRow, indexBytesPerRow }) => [
      `${engine}: ${table}`,
      String(rows),
      bytesPerRow.toFixed(0),
      indexBytesPerRow.toFixed(0),
      (bytesPerRow + indexBytesPerRow).toFixed(0),
    ]),
  );
  return [['table', 'rows', 'table, bytes', 'indexes, bytes', 'together'], ...rows];
}
