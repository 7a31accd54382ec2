import type { DatabaseSettings } from '../../../src/config/app-config.js';
import { postgresOptions } from '../../../src/database/data-source-options.js';
import { MigrationSource } from '../../../src/database/migration-source.js';
import { migrations } from '../../../src/database/migrations.js';
import { createSqliteFile } from '../../../src/database/sqlite/sqlite-creation.js';
import { messageOf } from '../../../src/errors/error-message.js';
import { StartError } from '../../../src/errors/start-error.js';
import { describeDatabase } from '../../../src/start-lines.js';
import type { Progress } from '../progress.js';
import { copyTable, type MovedTable, verifyTables } from './copy-tables.js';
import type { MovedDatabase, MoveTarget } from './moved-database.js';
import { PostgresMovedDatabase } from './postgres-moved-database.js';
import { SqliteMovedDatabase } from './sqlite-moved-database.js';
import type { TableShape } from './table-shape.js';

type OpenDatabase = SqliteMovedDatabase | PostgresMovedDatabase;

/**
 * Copies all rows of a database to another one with the other engine, and compares both. If it is
 * interrupted, the next call continues. No service can use the target before it is complete. See
 * docs/decisions/0037-admin-commands.md.
 *
 * @returns the tables, whose rows are the same in both databases
 * @throws StartError if the move is not possible
 */
export async function move(
  from: DatabaseSettings,
  to: DatabaseSettings,
  progress: Progress,
): Promise<MovedTable[]> {
  if (from.engine === to.engine) {
    throw new StartError(
      'Both databases have the same engine. Use npm run admin -- backup and restore instead.',
    );
  }
  const source = await open(from);
  try {
    await requireUsable(source);
    await createTables(to);
    const target = await open(to);
    try {
      return await moveAll(source, target, describeDatabase(from), progress);
    } finally {
      await target.close();
    }
  } finally {
    progress.stop();
    await source.close();
  }
}

async function open(settings: DatabaseSettings): Promise<OpenDatabase> {
  if (settings.engine === 'sqlite') return SqliteMovedDatabase.open(settings.file);
  try {
    return await PostgresMovedDatabase.open(settings.url);
  } catch (error) {
    if (error instanceof StartError) throw error;
    const name = describeDatabase(settings);
    throw new StartError(`${name} cannot be used: ${messageOf(error)}.`, { cause: error });
  }
}

async function moveAll(
  source: OpenDatabase,
  target: OpenDatabase,
  sourceName: string,
  progress: Progress,
): Promise<MovedTable[]> {
  const shapes = await shapesOf(source, target);
  const isContinued = await begin(target, sourceName, shapes);
  await source.renewSnapshot();
  for (const shape of shapes) await copyTable(source, target, shape, progress);
  // Also notices what a service has written meanwhile.
  await source.renewSnapshot();
  const moved = await verifyTables(source, target, { shapes, isContinued, progress });
  await target.finish(await source.counters());
  return moved;
}

/** @throws StartError if the source is incomplete, or not of this version of the service */
async function requireUsable(source: OpenDatabase): Promise<void> {
  if ((await source.unfinishedSource()) !== null) {
    throw new StartError('The source is itself the target of a move that was interrupted.');
  }
  await requireMigrations(source, 'source', 'Start the service on it once, and stop it.');
}

async function requireMigrations(
  database: MovedDatabase,
  name: string,
  remedy: string,
): Promise<void> {
  const applied = [...(await database.migrations())].sort().join();
  const known = migrations.map((migration) => migration.name);
  if (applied === known.sort().join()) return;
  throw new StartError(
    `The ${name} does not have the migrations of this version of the service. ${remedy}`,
  );
}

/** @throws StartError if the database has tables, and not those of this service */
async function requireOwnTables(database: OpenDatabase): Promise<void> {
  const [table] = (await database.tables()).keys();
  if (table === undefined) return;
  const applied = await database.migrations();
  const isOwn = migrations.some(({ name }) => applied.includes(name));
  if (isOwn) return;
  throw new StartError(
    `The target has tables of another program, such as ${table}. Use an empty database; nothing was changed.`,
  );
}

/** Creates the tables of the target, unless a move has created them. */
async function createTables(settings: DatabaseSettings): Promise<void> {
  if (settings.engine === 'sqlite') {
    await createSqliteFile(settings.file);
    return;
  }
  const database = await open(settings);
  try {
    if ((await database.unfinishedSource()) !== null) return;
    await requireOwnTables(database);
  } finally {
    await database.close();
  }
  const source = new MigrationSource(postgresOptions(settings));
  await source.initialize();
  try {
    await source.runMigrations();
  } finally {
    await source.destroy();
  }
}

/**
 * The tables, with the types of PostgreSQL, which are more precise than those of SQLite.
 *
 * @throws StartError if one database has a table or a column that the other one lacks
 */
async function shapesOf(source: OpenDatabase, target: OpenDatabase): Promise<TableShape[]> {
  const postgres = source instanceof PostgresMovedDatabase ? source : target;
  const names = async (database: MovedDatabase): Promise<string[]> =>
    [...(await database.tables())].flatMap(([table, columns]) =>
      columns.map((column) => `${table}.${column}`),
    );
  const [ofSource, ofTarget] = [await names(source), await names(target)];
  const different = [
    ...ofSource.filter((name) => !ofTarget.includes(name)),
    ...ofTarget.filter((name) => !ofSource.includes(name)),
  ];
  if (different.length > 0) {
    throw new StartError(`Only one of the databases has ${different.join(', ')}.`);
  }
  return (postgres as PostgresMovedDatabase).shapes();
}

/**
 * Marks the target as incomplete, if it is empty.
 *
 * @returns whether an interrupted move of the same source is continued
 * @throws StartError if the target has rows, or an interrupted move of another source
 */
async function begin(
  target: MoveTarget,
  sourceName: string,
  shapes: readonly TableShape[],
): Promise<boolean> {
  await requireMigrations(target, 'target', 'Use an empty database.');
  const unfinished = await target.unfinishedSource();
  if (unfinished === sourceName) return true;
  if (unfinished !== null) {
    throw new StartError(
      `The target has an interrupted move of another source: ${unfinished}. Use an empty database.`,
    );
  }
  for (const { name } of shapes) {
    if ((await target.count(name)) === 0) continue;
    throw new StartError(
      `The target is not empty: the table ${name} has rows. Use an empty database; nothing was changed.`,
    );
  }
  await target.begin(sourceName);
  return false;
}
