import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database as Connection } from 'better-sqlite3';
import { isOpenToOthers, isReplaceableByOthers } from '../../config/private-file.js';
import { StartError } from '../../errors/start-error.js';
import type { SqliteSettings } from '../../config/app-config.js';
import { codeOf, isLocked } from '../driver-error.js';
import { createSqliteFile } from './sqlite-creation.js';

/** Bits of a mode (POSIX `st_mode`): whether anyone may write. */
const WRITE_BITS = 0o222;

/** Returns the files of an open SQLite database. */
export function filesOf(file: string): string[] {
  return [file, `${file}-wal`, `${file}-shm`];
}

/** The sizes of the database and of its write-ahead log, in bytes; 0 if there is none. */
export function sizesOf(file: string): { fileSize: number; logSize: number } {
  const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return { fileSize: sizeOf(file), logSize: sizeOf(`${file}-wal`) };
}

/**
 * Creates a missing file if the settings allow it, and checks the file before SQLite opens it.
 *
 * @throws StartError if the file is missing, empty, or cannot be written
 */
export async function prepareSqliteFile({ file, create }: SqliteSettings): Promise<void> {
  if (!existsSync(file)) {
    if (!create) throw new StartError(missingFileMessage(file));
    await createSqliteFile(file);
  }
  // SQLite would treat an empty file as a new database.
  if (statSync(file).size === 0) throw new StartError(emptyFileMessage(file));
  for (const each of filesOf(file).filter((name) => existsSync(name))) refuseUnwritable(each);
  refuseUnwritable(dirname(file));
}

export function missingFileMessage(file: string): string {
  return `The database file ${file} does not exist. If it should, check DATABASE_URL and whether its volume is mounted. To start with a new database, run: npm run admin -- create-database (or set DATABASE_CREATE=true).`;
}

export function emptyFileMessage(file: string): string {
  return `The database file ${file} is empty (0 bytes). Restore it from a backup; or, to start with a new database, delete the file and run: npm run admin -- create-database`;
}

/**
 * Refuses a path that cannot be written. Root may write to every file, but a path whose mode allows
 * no writing is refused for root, too, because somebody has set that mode on purpose.
 */
function refuseUnwritable(path: string): void {
  const mode = statSync(path).mode & 0o777;
  const isReadOnly = (mode & WRITE_BITS) === 0;
  try {
    if (!isReadOnly) return accessSync(path, constants.W_OK);
  } catch (error) {
    throw new StartError(
      `The database cannot be written: ${codeOf(error)} for ${path}. Let the user of the service write to it, or mount its volume for writing.`,
      { cause: error },
    );
  }
  throw new StartError(
    `The database cannot be written: the mode of ${path} is 0${mode.toString(8)}. Run: chmod u+w ${path}`,
  );
}

/** Warnings if other users of the machine may read or replace the database. */
export function fileModeWarnings(file: string): string[] {
  const open = filesOf(file).filter(isOpenToOthers);
  const folder = dirname(file);
  return [
    ...(open.length > 0 ? [`Others may read the database; run: chmod 600 ${open.join(' ')}`] : []),
    ...(isReplaceableByOthers(folder)
      ? [`Others may replace the database; run: chmod go-w ${folder}`]
      : []),
  ];
}

/**
 * @throws DamagedFile if SQLite finds the file damaged. The service never repairs or replaces it.
 */
export function refuseDamagedFile(connection: Connection): void {
  const findings = connection.pragma('quick_check(1)', { simple: true });
  if (findings !== 'ok') throw new DamagedFile(String(findings));
}

class DamagedFile extends Error {}

/** Tells the person who starts the service why the file cannot be used, and what to do. */
export function startErrorOf(file: string, error: unknown): StartError {
  if (error instanceof StartError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const reason = message.replace(/\s+/g, ' ');
  return new StartError(`The database file ${file} ${messageFor(error, reason)}`, { cause: error });
}

function messageFor(error: unknown, reason: string): string {
  if (isLocked(error)) {
    return 'is locked by another process; stop that process, or wait until it is done.';
  }
  if (error instanceof DamagedFile || /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error))) {
    return `is damaged: ${reason}. It was not changed; restore it from a backup, or set DATABASE_URL to another file.`;
  }
  return `cannot be used: ${reason}. Fix the cause, or set DATABASE_URL to another file.`;
}
