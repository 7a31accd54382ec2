import { createHash } from 'node:crypto';
import { StartError } from '../../../src/errors/start-error.js';

/** How a value is converted from one engine to the other. */
export type Kind = 'boolean' | 'integer' | 'number' | 'text' | 'bytes' | 'json' | 'timestamp';

interface Column {
  name: string;
  kind: Kind;
  /** Whether PostgreSQL compares the values by a collation. */
  isCollated: boolean;
}

export interface TableShape {
  name: string;
  columns: readonly Column[];
  /** The columns of the primary key, by which rows are read and continued. */
  key: readonly Column[];
}

/** A value in the form that both engines share. Timestamps and JSON are texts in one format. */
export type Value = null | boolean | bigint | number | string | Buffer;

export type Row = readonly Value[];

/** The number of rows that are read and written at once. */
export const BATCH = 1000;

const KINDS: Record<string, Kind> = {
  boolean: 'boolean',
  smallint: 'integer',
  integer: 'integer',
  bigint: 'integer',
  real: 'number',
  'double precision': 'number',
  numeric: 'number',
  text: 'text',
  'character varying': 'text',
  character: 'text',
  uuid: 'text',
  date: 'text',
  'USER-DEFINED': 'text',
  bytea: 'bytes',
  json: 'json',
  jsonb: 'json',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamp',
};

/**
 * @param type of a column, as PostgreSQL's `information_schema` names it
 * @throws StartError if values of the type cannot be moved
 */
export function kindOf(type: string, column: string): Kind {
  const kind = KINDS[type];
  if (kind) return kind;
  throw new StartError(`The column ${column} has the type ${type}, which cannot be moved.`);
}

/** Whether a type has a collation. PostgreSQL refuses one for any other type. */
export function isCollated(type: string): boolean {
  return ['text', 'character varying', 'character'].includes(type);
}

/** @param text in UTC, as a database returns it: `2026-11-30 02:00:00.5+00` */
export function timestampText(text: string): string {
  const [, time = text, fraction = ''] = /^([^.+Z]+)(?:\.(\d+))?/.exec(text) ?? [];
  return `${time.replace('T', ' ').trim()}.${fraction.padEnd(3, '0')}`;
}

/** Returns JSON with sorted members, because `jsonb` does not keep their order. */
export function jsonText(text: string): string {
  return JSON.stringify(JSON.parse(text), (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value,
  );
}

/** The number of rows of a table, and a checksum of their values. */
export interface Checksum {
  rows: number;
  sha256: string;
}

/** @param batches of all rows in the order of the primary key */
export async function checksumOf(
  batches: AsyncIterable<readonly Row[]>,
  onRows: (rows: number) => void,
): Promise<Checksum> {
  const hash = createHash('sha256');
  let rows = 0;
  for await (const batch of batches) {
    for (const row of batch) hash.update(rowText(row));
    rows += batch.length;
    onRows(rows);
  }
  return { rows, sha256: hash.digest('hex') };
}

/** Each value is preceded by its type and its length, so that no two rows have the same text. */
function rowText(row: Row): string {
  const texts = row.map((value) => {
    if (value === null) return 'null';
    const text = Buffer.isBuffer(value) ? value.toString('hex') : String(value);
    return `${Buffer.isBuffer(value) ? 'bytes' : typeof value} ${text.length} ${text}`;
  });
  return `${texts.join('\n')}\n\n`;
}
