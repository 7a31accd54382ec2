import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type MigrationInterface, type QueryRunner, Table, TableColumn } from 'typeorm';
import type { MigrationSource } from '../../src/database/migration-source.js';
import { openMigrationSource } from '../support/migration-source.js';
import { createDatabase, engine, type TestDatabase } from '../support/test-database.js';

/** A value for a column, the same in all columns of a type, so that foreign keys are satisfied. */
function valueOf({ type, length }: TableColumn): unknown {
  if (/int/.test(type)) return 1;
  if (type === 'boolean') return engine === 'sqlite' ? 0 : false;
  return 'a'.repeat(Math.min(Number(length) || 1, 1));
}

/** Inserts a row into each empty table, referenced tables first. */
async function fillEmptyTables(runner: QueryRunner): Promise<void> {
  const empty = [...(await rowCounts(runner))].filter(([, count]) => count === 0);
  if (empty.length === 0) return;
  const pending = await runner.getTables(empty.map(([name]) => name));
  while (pending.length > 0) {
    const table = pending.shift()!;
    const parents = table.foreignKeys.map((key) => key.referencedTableName.split('.').at(-1));
    if (pending.some(({ name }) => parents.includes(name.split('.').at(-1)))) {
      pending.push(table);
      continue;
    }
    const columns = table.columns.map(({ name }) => `"${name}"`).join();
    const marks = table.columns.map((_, i) => (engine === 'sqlite' ? '?' : `$${i + 1}`)).join();
    const statement = `INSERT INTO "${nameOf(table)}" (${columns}) VALUES (${marks})`;
    await runner.query(statement, table.columns.map(valueOf));
  }
}

const nameOf = ({ name }: Table): string => name.split('.').at(-1)!;

const TABLES =
  engine === 'sqlite'
    ? "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    : "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'";

/** The number of rows of each table of the application. */
async function rowCounts(runner: QueryRunner): Promise<Map<string, number>> {
  const tables = (await runner.query(TABLES)) as { name: string }[];
  const counts = tables
    .filter(({ name }) => name !== 'migrations')
    .map(({ name }) => `SELECT '${name}' AS name, COUNT(*) AS count FROM "${name}"`);
  const rows = (await runner.query(counts.join(' UNION ALL '))) as {
    name: string;
    count: number;
  }[];
  return new Map(rows.map(({ name, count }) => [name, Number(count)]));
}

/** One message for each table in both maps whose number of rows differs. */
function differences(before: Map<string, number>, after: Map<string, number>): string[] {
  return [...after]
    .filter(([name, count]) => before.has(name) && before.get(name) !== count)
    .map(([name, count]) => `${name} had ${before.get(name)} rows, and has ${count}`);
}

/** A table that a feature might add. Its rows are deleted with their user. */
class CreateMemos1900000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'memos',
        columns: [
          { name: 'id', type: 'integer', isPrimary: true },
          { name: 'user_id', type: 'integer' },
        ],
        foreignKeys: [
          {
            columnNames: ['user_id'],
            referencedTableName: 'users',
            referencedColumnNames: ['id'],
            onDelete: 'CASCADE',
          },
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('memos');
  }
}

/** On SQLite, TypeORM rebuilds the table for this migration, in both directions. */
class AddMotto1900000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const column = new TableColumn({ name: 'motto', type: 'varchar', isNullable: true });
    await runner.addColumn('users', column);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumn('users', 'motto');
  }
}

class RemoveUsers1900000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('DELETE FROM users');
  }

  async down(): Promise<void> {}
}

describe('Migrations', () => {
  let database: TestDatabase;
  let source: MigrationSource;
  let runner: QueryRunner;

  beforeEach(async () => {
    database = await createDatabase();
    source = await openMigrationSource(database);
    runner = source.createQueryRunner();
  });
  afterEach(async () => {
    await runner.release();
    await source.destroy();
    await database.drop();
  });

  it('keeps the rows of every table when migrations are reverted and run again', async () => {
    await source.runMigrations();
    const all = source.migrations;
    for (let applied = all.length; applied > 1; applied--) {
      await fillEmptyTables(runner);
      const counts = await rowCounts(runner);
      expect(new Set(counts.values())).toEqual(new Set([1]));
      await source.undoLastMigration();
      expect(differences(counts, await rowCounts(runner))).toEqual([]);
    }
    for (let applied = 2; applied <= all.length; applied++) {
      const counts = await rowCounts(runner);
      Object.assign(source, { migrations: all.slice(0, applied) });
      const [migration] = await source.runMigrations();
      expect(migration).toBeDefined();
      expect(differences(counts, await rowCounts(runner))).toEqual([]);
      await fillEmptyTables(runner);
    }
  });

  /** Adds migrations to those of the application. */
  const addMigrations = (...more: (new () => MigrationInterface)[]): void => {
    const named = more.map((type) => Object.assign(new type(), { name: type.name }));
    Object.assign(source, { migrations: [...source.migrations, ...named] });
  };
  const memos = () => runner.query('SELECT * FROM memos') as Promise<unknown[]>;

  it('keeps the rows that refer to a table whose columns change, in both directions', async () => {
    addMigrations(CreateMemos1900000000001);
    await source.runMigrations();
    await fillEmptyTables(runner);
    await runner.query('INSERT INTO memos (id, user_id) VALUES (2, 1)');
    addMigrations(AddMotto1900000000002);
    await source.runMigrations();
    expect(await memos()).toHaveLength(2);
    await source.undoLastMigration();
    expect(await memos()).toHaveLength(2);
    expect(await runner.hasColumn('users', 'motto')).toBe(false);
    await runner.query('DELETE FROM users');
    expect(await memos()).toEqual([]);
  });

  if (engine === 'sqlite') {
    it('rolls back a migration that leaves references to missing rows', async () => {
      addMigrations(CreateMemos1900000000001);
      await source.runMigrations();
      await fillEmptyTables(runner);
      addMigrations(RemoveUsers1900000000003);
      await expect(source.runMigrations()).rejects.toThrow(
        'rows of memos refer to rows of users that are missing',
      );
      expect((await rowCounts(runner)).get('users')).toBe(1);
      expect(await memos()).toHaveLength(1);
    });
  }
});
