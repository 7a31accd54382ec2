import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { copyTable, verifyTables } from '../../../../scripts/admin/move/copy-tables.js';
import { PostgresMovedDatabase } from '../../../../scripts/admin/move/postgres-moved-database.js';
import { SqliteMovedDatabase } from '../../../../scripts/admin/move/sqlite-moved-database.js';
import { jsonText, kindOf, timestampText } from '../../../../scripts/admin/move/table-shape.js';
import { loadSqliteDriver } from '../../../../src/database/sqlite/sqlite-driver.js';
import {
  createDatabase,
  createSqliteDatabase,
  type TestDatabase,
} from '../../../support/test-database.js';

const progress = { update: () => undefined, stop: () => undefined };

const POSTGRES = `
  CREATE TABLE z_parents (id uuid PRIMARY KEY, at timestamptz, plain timestamp, day date, data jsonb,
    raw bytea, ratio double precision, price numeric(10, 2), flag boolean, big bigint, text text);
  CREATE TABLE a_children (code varchar(20), parent uuid REFERENCES z_parents, PRIMARY KEY (code, parent))`;

const SQLITE = `
  CREATE TABLE z_parents (id varchar PRIMARY KEY, at datetime, plain datetime, day date, data text,
    raw blob, ratio double, price decimal, flag boolean, big bigint, text text);
  CREATE TABLE a_children (code varchar(20), parent varchar, PRIMARY KEY (code, parent))`;

const ROWS = `
  INSERT INTO z_parents VALUES
    ('8d5b1b3c-5d4b-4a55-8d3e-4a1c2b3d4e5f', '2026-11-30 02:00:00.5+02', '2026-01-31 23:59:59',
     '2026-01-31', '{"b": [1, null], "a": {"y": 1, "x": "é"}}', '\\x00ff10', 0.1, 12.50, TRUE,
     9223372036854775807, 'two
lines'),
    ('00000000-0000-4000-8000-000000000000', NULL, NULL, NULL, NULL, NULL, -1e300, NULL, FALSE,
     -9223372036854775808, '');
  INSERT INTO a_children VALUES ('Z', '00000000-0000-4000-8000-000000000000'),
    ('a', '00000000-0000-4000-8000-000000000000'), ('Ä', '8d5b1b3c-5d4b-4a55-8d3e-4a1c2b3d4e5f')`;

// Both databases take part, so it only runs if there is a PostgreSQL server.
describe('A move of values of every type', () => {
  let databases: [TestDatabase, TestDatabase, TestDatabase];

  beforeEach(async () => {
    databases = [await createDatabase(), await createSqliteDatabase(), await createDatabase()];
  });
  afterEach(async () => {
    for (const database of databases) await database.drop();
  });

  const onPostgres = async ({ url }: TestDatabase, sql: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };

  it('keeps them on the way to SQLite and back, with rows before those that refer to them', async () => {
    const [source, sqlite, back] = databases;
    await onPostgres(source, `${POSTGRES}; ${ROWS}`);
    await onPostgres(back, POSTGRES);
    const file = sqlite.url.slice('sqlite:'.length);
    const { Sqlite } = loadSqliteDriver();
    const created = new Sqlite(file);
    created.exec(SQLITE);
    created.close();

    const open = [
      await PostgresMovedDatabase.open(source.url),
      SqliteMovedDatabase.open(file),
      await PostgresMovedDatabase.open(back.url),
    ] as const;
    const shapes = await open[0].shapes();
    expect(shapes.map(({ name }) => name)).toEqual(['z_parents', 'a_children']);
    for (const [from, to] of [
      [open[0], open[1]],
      [open[1], open[2]],
    ] as const) {
      for (const shape of shapes) await copyTable(from, to, shape, progress);
      const moved = await verifyTables(from, to, { shapes, isContinued: false, progress });
      expect(moved.map(({ rows }) => rows)).toEqual([2, 3]);
    }
    // By code points: Z, a, Ä.
    expect(await open[2].lastKey(shapes[1]!)).toEqual(['Ä', expect.any(String)]);
    for (const database of open) await database.close();
    const all = 'SELECT * FROM z_parents ORDER BY id';
    expect(await onPostgres(back, all)).toEqual(await onPostgres(source, all));
    const stored = new Sqlite(file)
      .prepare('SELECT at, flag, data FROM z_parents WHERE flag')
      .get();
    expect(stored).toEqual({
      at: '2026-11-30 00:00:00.500',
      flag: 1,
      data: '{"a":{"x":"é","y":1},"b":[1,null]}',
    });
  });

  it('notices a row that differs', async () => {
    const [source, , back] = databases;
    await onPostgres(source, `${POSTGRES}; ${ROWS}`);
    await onPostgres(back, `${POSTGRES}; ${ROWS}`);
    await onPostgres(back, `UPDATE z_parents SET big = big - 1 WHERE flag`);
    const open = await Promise.all([
      PostgresMovedDatabase.open(source.url),
      PostgresMovedDatabase.open(back.url),
    ]);
    const shapes = await open[0].shapes();
    const verify = verifyTables(open[0], open[1], { shapes, isContinued: false, progress });
    await expect(verify).rejects.toThrow('The table z_parents differs from its copy (2 rows');
    for (const database of open) await database.close();
  });
});

describe('The values of a move', () => {
  it('have one form for each timestamp and each JSON document', () => {
    expect(timestampText('2026-11-30 02:00:00.5+00')).toBe('2026-11-30 02:00:00.500');
    expect(timestampText('2026-11-30T02:00:00.123456Z')).toBe('2026-11-30 02:00:00.123456');
    expect(timestampText('2026-11-30 02:00:00')).toBe('2026-11-30 02:00:00.000');
    expect(jsonText('{"b":{"d":1,"c":[{"f":1,"e":2}]},"a":null}')).toBe(
      '{"a":null,"b":{"c":[{"e":2,"f":1}],"d":1}}',
    );
  });

  it('refuses a type that only one of the databases has', () => {
    expect(() => kindOf('ARRAY', 'posts.tags')).toThrow('The column posts.tags has the type ARRAY');
  });
});
