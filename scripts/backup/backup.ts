import { rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import pg from 'pg';
// Registers the entities.
import '../../src/app.module.js';
import type { DatabaseSettings } from '../../src/config/app-config.js';
import { codeOf } from '../../src/database/driver-error.js';
import { versionedTables } from '../../src/database/versions/row-version.js';
import { sync } from '../../src/database/sqlite/sqlite-creation.js';
import { StartError } from '../../src/errors/start-error.js';
import { backUpPostgres, restorePostgres } from './postgres-backup.js';
import { backUpSqlite, restoreSqlite } from './sqlite-backup.js';

/** Ends all sessions, as the service does: the sealed refresh tokens are erased. */
const endSessionsAt = (timestamp: number) =>
  `UPDATE sessions SET ended_at = ${timestamp}, successor = NULL, spent_range = NULL, spent_agent = NULL, repeated_by = NULL WHERE ended_at IS NULL`;

/** Random integers of 48 bits. */
const NEW_VERSION = {
  sqlite: 'random() & 281474976710655',
  postgres: 'floor(random() * 281474976710656)',
};

/** The query for the tables, of those given, that have versions of rows. An old copy has none. */
const WITH_VERSIONS = {
  sqlite: `SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE c.name = 'version'`,
  postgres: `SELECT table_name AS name FROM information_schema.columns
    WHERE table_schema = current_schema() AND column_name = 'version'`,
};

/**
 * The statements that change the versions of all rows, so that no `ETag` from before is valid.
 *
 * @param found the tables of the copy that have such a column
 */
function changeVersions(engine: 'sqlite' | 'postgres', found: { name: string }[]): string[] {
  const names = found.map(({ name }) => name);
  return versionedTables()
    .filter((table) => names.includes(table))
    .map((table) => `UPDATE "${table}" SET "version" = ${NEW_VERSION[engine]}`);
}

/** A copy of the database. */
interface Copy {
  /** An absolute path. */
  file: string;
  bytes: number;
}

/** A database that was replaced by a copy. */
interface Restored {
  /** The absolute path of the copy. */
  file: string;
  /** The path of the replaced database; null if there was none, and on PostgreSQL. */
  replaced: string | null;
}

/**
 * Writes a copy of the database to a new file, and checks the copy. The service may be running.
 *
 * @throws StartError if that is not possible
 */
export function backUp(database: DatabaseSettings, file: string): Copy {
  const copy = resolve(file);
  if (database.engine === 'sqlite') requireFile(database.file);
  createPrivateFile(copy);
  try {
    if (database.engine === 'sqlite') backUpSqlite(database.file, copy);
    else backUpPostgres(database.url, copy);
    sync(copy);
    sync(dirname(copy));
  } catch (error) {
    rmSync(copy, { force: true });
    throw error;
  }
  return { file: copy, bytes: statSync(copy).size };
}

/**
 * Replaces the database by a copy. The service must not be running.
 *
 * @param options.endSessions whether all users have to log in again
 * @throws StartError if that is not possible
 */
export async function restore(
  database: DatabaseSettings,
  file: string,
  { endSessions }: { endSessions: boolean },
): Promise<Restored> {
  const copy = resolve(file);
  requireFile(copy);
  const ends = endSessions ? [endSessionsAt(Date.now())] : [];
  if (database.engine === 'sqlite') {
    const replaced = restoreSqlite(copy, database.file, (connection) => {
      const found = connection.prepare<[], { name: string }>(WITH_VERSIONS.sqlite).all();
      connection.exec([...ends, ...changeVersions('sqlite', found)].join(';'));
    });
    return { file: copy, replaced };
  }
  restorePostgres(copy, database.url);
  await onPostgres(database.url, async (client) => {
    const { rows } = await client.query<{ name: string }>(WITH_VERSIONS.postgres);
    for (const statement of [...ends, ...changeVersions('postgres', rows)]) {
      await client.query(statement);
    }
  });
  return { file: copy, replaced: null };
}

function requireFile(file: string): void {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
    throw new StartError(`There is no file ${file}.`);
  }
}

/** Creates an empty file that only its owner may read. */
function createPrivateFile(file: string): void {
  try {
    writeFileSync(file, '', { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    throw new StartError(`The file ${file} exists already; nothing was changed.`);
  }
}

async function onPostgres(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
