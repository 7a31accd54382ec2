import { dirname } from 'node:path';
import type { Database as Connection } from 'better-sqlite3';
import {
  isOpenToOthers,
  isReplaceableByOthers,
  makePrivateFile,
  makePrivateFolder,
} from '../common/private-file.js';
import { StartError } from '../common/start-error.js';
import { codeOf, isLocked } from './driver-error.js';

/**
 * Makes the file, if there is none, for its owner alone, and its folder likewise. SQLite would let
 * everybody read it; it gives `-wal` and `-shm` the mode of the file.
 */
export function makeDatabaseFile(file: string): void {
  makePrivateFolder(dirname(file));
  makePrivateFile(file);
}

/** Sentences about what other users of the machine may do with the database; the modes stay. */
export function problemsOfModes(file: string): string[] {
  const open = [file, `${file}-wal`, `${file}-shm`].filter(isOpenToOthers);
  const folder = dirname(file);
  return [
    ...(open.length > 0 ? [`Others may read the database; run: chmod 600 ${open.join(' ')}`] : []),
    ...(isReplaceableByOthers(folder)
      ? [`Others may replace the database; run: chmod go-w ${folder}`]
      : []),
  ];
}

/** @throws Error where SQLite finds the file damaged. It is never replaced or repaired here. */
export function refuseDamagedFile(connection: Connection): void {
  const findings = connection.pragma('quick_check(1)', { simple: true });
  if (findings !== 'ok') throw new DamagedFile(String(findings));
}

class DamagedFile extends Error {}

/** Says why a file could not be used, and what would do, for the person who starts the service. */
export function withSentence(file: string, error: unknown): StartError {
  const message = error instanceof Error ? error.message : String(error);
  const reason = message.replace(/\s+/g, ' ');
  return new StartError(`The database file ${file} ${sentence(error, reason)}`, { cause: error });
}

function sentence(error: unknown, reason: string): string {
  if (isLocked(error)) {
    return 'is locked by another process; stop that, or wait until it is done.';
  }
  if (error instanceof DamagedFile || /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error))) {
    return `is damaged: ${reason}. It was left as it is; restore it from a backup, or name another in DATABASE_URL.`;
  }
  return `cannot be used: ${reason}. Put that right, or name another in DATABASE_URL.`;
}
