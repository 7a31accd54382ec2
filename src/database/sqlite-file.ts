import type { Database as Connection } from 'better-sqlite3';
import { StartError } from '../common/start-error.js';

/** @throws Error where SQLite finds the file damaged. It is never replaced or repaired here. */
export function refuseDamagedFile(connection: Connection): void {
  const findings = connection.pragma('quick_check(1)', { simple: true });
  if (findings !== 'ok') throw new Error(`it is damaged: ${String(findings)}`);
}

/** Says which file could not be used, for the person who starts the service. */
export function withSentence(file: string, error: unknown): StartError {
  const message = error instanceof Error ? error.message : String(error);
  const reason = message.replace(/\s+/g, ' ');
  return new StartError(
    `The database file ${file} cannot be used: ${reason}. It was left as it is; restore it from a backup, or name another in DATABASE_URL.`,
    { cause: error },
  );
}
