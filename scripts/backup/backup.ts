import { rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import pg from 'pg';
import type { DatabaseSettings } from '../../src/config/app-config.js';
import { codeOf } from '../../src/database/driver-error.js';
import { sync } from '../../src/database/sqlite/sqlite-creation.js';
import { StartError } from '../../src/errors/start-error.js';
import { backUpPostgres, restorePostgres } from './postgres-backup.js';
import { backUpSqlite, restoreSqlite } from './sqlite-backup.js';

/** Ends all sessions, as the service does: the sealed refresh tokens are erased. */
const endSessionsAt = (timestamp: number) =>
  `UPDATE sessions SET ended_at = ${timestamp}, successor = NULL, spent_range = NULL, spent_agent = NULL, repeated_by = NULL WHERE ended_at IS NULL`;

/**
 * Writes a copy of the database to a new file, and checks the copy. The service may be running.
 *
 * @returns a sentence for the operator
 * @throws StartError if that is not possible
 */
export function backUp(database: DatabaseSettings, file: string): string {
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
  return `Wrote ${copy} (${describeSize(statSync(copy).size)}), and checked it.`;
}

/**
 * Replaces the database by a copy. The service must not be running.
 *
 * @param options.endSessions whether all users have to log in again
 * @returns sentences for the operator
 * @throws StartError if that is not possible
 */
export async function restore(
  database: DatabaseSettings,
  file: string,
  { endSessions }: { endSessions: boolean },
): Promise<string> {
  const copy = resolve(file);
  requireFile(copy);
  const statement = endSessionsAt(Date.now());
  const sentences = [`Restored ${copy}.`];
  if (database.engine === 'sqlite') {
    const replaced = restoreSqlite(copy, database.file, (connection) => {
      if (endSessions) connection.exec(statement);
    });
    if (replaced !== null) sentences.push(`The database that it replaced is now ${replaced}.`);
  } else {
    restorePostgres(copy, database.url);
    if (endSessions) await runOnPostgres(database.url, statement);
  }
  sentences.push(
    endSessions
      ? 'All sessions have ended.'
      : 'Sessions that were active in the copy are active again, also those that have ended since. --end-sessions ends them all.',
  );
  return sentences.join('\n');
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

async function runOnPostgres(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function describeSize(bytes: number): string {
  return bytes < 1_000_000
    ? `${Math.ceil(bytes / 1000)} kB`
    : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
