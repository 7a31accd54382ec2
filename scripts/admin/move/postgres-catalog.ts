import type pg from 'pg';
import { StartError } from '../../../src/errors/start-error.js';
import { OWN_TABLES, type TableColumns } from './moved-database.js';
import { isCollated, kindOf, type TableShape } from './table-shape.js';

const COLUMNS = `
  SELECT field.table_name AS "table", field.column_name AS "column", field.data_type AS type
  FROM information_schema.columns field JOIN information_schema.tables item
    ON item.table_schema = field.table_schema AND item.table_name = field.table_name
  WHERE field.table_schema = current_schema() AND item.table_type = 'BASE TABLE'
    AND field.is_generated = 'NEVER'
  ORDER BY field.table_name, field.ordinal_position`;

const KEYS = `
  SELECT item.relname AS "table", field.attname AS "column"
  FROM pg_index primary_key
  JOIN pg_class item ON item.oid = primary_key.indrelid
  CROSS JOIN unnest(primary_key.indkey) WITH ORDINALITY AS member (number, place)
  JOIN pg_attribute field ON field.attrelid = item.oid AND field.attnum = member.number
  WHERE primary_key.indisprimary AND item.relnamespace = current_schema()::regnamespace
  ORDER BY item.relname, member.place`;

const REFERENCES = `
  SELECT child.relname AS child, parent.relname AS parent
  FROM pg_constraint JOIN pg_class child ON child.oid = conrelid
  JOIN pg_class parent ON parent.oid = confrelid
  WHERE contype = 'f' AND child.relnamespace = current_schema()::regnamespace`;

const SERIALS = `
  SELECT table_name AS "table", column_name AS "column",
    pg_get_serial_sequence(quote_ident(table_name), column_name) AS sequence
  FROM information_schema.columns
  WHERE table_schema = current_schema()
    AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL`;

interface ColumnRow {
  table: string;
  column: string;
  type: string;
}

export async function readTables(client: pg.Client): Promise<TableColumns> {
  const tables = new Map<string, string[]>();
  for (const { table, column } of await readColumns(client)) {
    tables.set(table, [...(tables.get(table) ?? []), column]);
  }
  return tables;
}

/** A table comes after those that its foreign keys refer to. */
export async function readShapes(client: pg.Client): Promise<TableShape[]> {
  const columns = await readColumns(client);
  const keys = (await client.query<Omit<ColumnRow, 'type'>>(KEYS)).rows;
  const names = [...new Set(columns.map(({ table }) => table))];
  const shapes = names.map((name) => {
    const own = columns
      .filter(({ table }) => table === name)
      .map(({ column, type }) => ({
        name: column,
        kind: kindOf(type, `${name}.${column}`),
        isCollated: isCollated(type),
      }));
    const key = keys
      .filter(({ table }) => table === name)
      .map(({ column }) => own.find((each) => each.name === column)!);
    if (key.length === 0) {
      throw new StartError(`The table ${name} has no primary key, and cannot be moved.`);
    }
    return { name, columns: own, key };
  });
  return inOrderOfReferences(client, shapes);
}

async function inOrderOfReferences(
  client: pg.Client,
  shapes: readonly TableShape[],
): Promise<TableShape[]> {
  const { rows } = await client.query<{ child: string; parent: string }>(REFERENCES);
  const ordered = new Set<TableShape>();
  const add = (shape: TableShape, path: readonly string[]): void => {
    if (ordered.has(shape) || path.includes(shape.name)) return;
    for (const { parent } of rows.filter(({ child }) => child === shape.name)) {
      const found = shapes.find(({ name }) => name === parent);
      if (found) add(found, [...path, shape.name]);
    }
    ordered.add(shape);
  };
  for (const shape of shapes) add(shape, []);
  return [...ordered];
}

/** The columns that get their values from a sequence. */
export async function serialColumns(
  client: pg.Client,
): Promise<{ table: string; column: string; sequence: string }[]> {
  const { rows } = await client.query<{ table: string; column: string; sequence: string }>(SERIALS);
  return rows.filter(({ table }) => !OWN_TABLES.includes(table));
}

async function readColumns(client: pg.Client): Promise<ColumnRow[]> {
  const { rows } = await client.query<ColumnRow>(COLUMNS);
  return rows.filter(({ table }) => !OWN_TABLES.includes(table));
}

/**
 * A list of columns in SQL.
 *
 * @param options.byCodePoints whether texts are compared by code points, as SQLite does
 */
export function quotedList(
  columns: TableShape['columns'],
  { byCodePoints = false, suffix = '' } = {},
): string {
  return columns
    .map(({ name, isCollated }) => {
      const collation = byCodePoints && isCollated ? ' COLLATE "C"' : '';
      return `"${name}"${collation}${suffix}`;
    })
    .join();
}
