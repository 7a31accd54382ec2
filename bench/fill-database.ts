import { SingleBar } from 'cli-progress';
import { DataSource, type QueryRunner } from 'typeorm';
import type { DatabaseSettings } from '../src/config/app-config.js';
import { dataSourceOptions } from '../src/database/data-source-options.js';
import type { RowSource } from './growth-rows.js';

/** The number of rows of one statement. */
const BATCH = 500;
/**
 * A crash of the machine may damage a database that is being filled, which does not matter here. The cache
 * of SQLite holds a table with its indexes, whose pages are otherwise written again and again.
 */
const FAST = {
  sqlite: ['PRAGMA synchronous = OFF', 'PRAGMA cache_size = -1000000'],
  postgres: ['SET synchronous_commit = off'],
};

/** Adds rows to a database that nothing else uses. The indexes stay, as they do in production. */
export async function fillDatabase(
  settings: DatabaseSettings,
  sources: readonly RowSource[],
): Promise<void> {
  await onDatabase(settings, async (runner) => {
    for (const statement of FAST[settings.engine]) await runner.query(statement);
    for (const source of sources) await fillTable(runner, settings.engine, source);
    // PostgreSQL does this by itself, but later, beside the requests. SQLite has no statistics in production.
    if (settings.engine === 'postgres') await runner.query('VACUUM ANALYZE');
  });
}

/** Runs statements on a database that the service may have open at the same time. */
export async function onDatabase<T>(
  settings: DatabaseSettings,
  work: (runner: QueryRunner) => Promise<T>,
): Promise<T> {
  const source = await new DataSource(dataSourceOptions(settings)).initialize();
  const runner = source.createQueryRunner();
  try {
    return await work(runner);
  } finally {
    await runner.release();
    await source.destroy();
  }
}

async function fillTable(
  runner: QueryRunner,
  engine: DatabaseSettings['engine'],
  { table, columns, count, row }: RowSource,
): Promise<void> {
  const bar = new SingleBar({
    format: `${engine}: {bar} {value} of {total} rows of ${table}, {eta} s left`,
  });
  bar.start(count, 0);
  try {
    await runner.startTransaction();
    for (let from = 0; from < count; from += BATCH) {
      const size = Math.min(BATCH, count - from);
      const values = Array.from({ length: size }, (_, index) => row(from + index)).flat();
      const sent = engine === 'sqlite' ? values.map(withoutBoolean) : values;
      await runner.query(insertStatement(engine, { table, columns }, size), sent);
      bar.update(from + size);
    }
    await runner.commitTransaction();
  } finally {
    bar.stop();
  }
}

/** SQLite has no booleans. */
function withoutBoolean<T>(value: T): T | number {
  return typeof value === 'boolean' ? Number(value) : value;
}

function insertStatement(
  engine: DatabaseSettings['engine'],
  { table, columns }: Pick<RowSource, 'table' | 'columns'>,
  size: number,
): string {
  let used = 0;
  const place = () => (engine === 'sqlite' ? '?' : `$${++used}`);
  const rows = Array.from({ length: size }, () => `(${columns.map(place).join()})`);
  return `INSERT INTO ${table} (${columns.join()}) VALUES ${rows.join()}`;
}
