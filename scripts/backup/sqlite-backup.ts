import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Database as Connection } from 'better-sqlite3';
import { isLocked } from '../../src/database/driver-error.js';
import { sync } from '../../src/database/sqlite/sqlite-creation.js';
import { loadSqliteDriver } from '../../src/database/sqlite/sqlite-driver.js';
import { filesOf } from '../../src/database/sqlite/sqlite-file.js';
import { StartError } from '../../src/errors/start-error.js';

/**
 * Copies the database, also while the service runs: the copy is its content at one moment. SQLite's
 * own `.backup` would start again at each write.
 *
 * @param copy an empty file
 * @throws StartError if the database cannot be read
 */
export function backUpSqlite(database: string, copy: string): void {
  withConnection(database, { readonly: true }, (connection) => {
    connection.prepare('VACUUM INTO ?').run(copy);
  });
  checkSqliteFile(copy);
}

/**
 * Replaces the database by a copy. The replaced files stay beside it, with another name.
 *
 * @param change is applied to the copy before it takes the place of the database
 * @returns the name of the replaced file; null if there was none
 * @throws StartError if the copy is damaged, or a process uses the database
 */
export function restoreSqlite(
  copy: string,
  database: string,
  change: (connection: Connection) => void,
): string | null {
  checkSqliteFile(copy);
  const draft = `${database}.restoring`;
  copyFileSync(copy, draft);
  try {
    withConnection(draft, {}, (connection) => {
      change(connection);
      // The log would be lost with the name of the draft.
      connection.pragma('journal_mode = DELETE');
    });
    sync(draft);
    const replaced = existsSync(database) ? setAside(database) : null;
    renameSync(draft, database);
    sync(dirname(database));
    return replaced;
  } finally {
    for (const file of filesOf(draft)) rmSync(file, { force: true });
  }
}

/** Renames the database, with its log, while no process uses it. */
function setAside(database: string): string {
  withConnection(database, { timeout: 1000 }, (connection) => {
    try {
      // A connection of another process holds a shared lock for as long as it is open.
      connection.pragma('locking_mode = EXCLUSIVE');
      connection.exec('BEGIN EXCLUSIVE; COMMIT');
      connection.pragma('journal_mode = DELETE');
    } catch (error) {
      if (!isLocked(error)) throw error;
      throw new StartError(
        `A process uses ${database}. Stop the service, and restore again; nothing was changed.`,
      );
    }
  });
  const name = `${basename(database)}.before-${new Date().toISOString().replace(/[:.]/g, '-')}`;
  const replaced = join(dirname(database), name);
  renameSync(database, replaced);
  return replaced;
}

/** @throws StartError if the file is damaged, or is no database of this service */
function checkSqliteFile(file: string): void {
  try {
    withConnection(file, { readonly: true }, (connection) => {
      const findings = connection.pragma('integrity_check(1)', { simple: true });
      if (findings !== 'ok') throw new StartError(`${file} is damaged: ${String(findings)}.`);
      connection.prepare('SELECT 1 FROM users').get();
    });
  } catch (error) {
    if (error instanceof StartError) throw error;
    const { message } = error as Error;
    throw new StartError(`${file} is not a database of this service: ${message}.`, {
      cause: error,
    });
  }
}

function withConnection(
  file: string,
  options: { readonly?: boolean; timeout?: number },
  use: (connection: Connection) => void,
): void {
  const { Sqlite } = loadSqliteDriver();
  const connection = new Sqlite(file, { fileMustExist: true, ...options });
  try {
    use(connection);
  } finally {
    connection.close();
  }
}
