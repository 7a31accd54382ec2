import { QueryFailedError } from 'typeorm';

/** The database's own code of an error, such as `SQLITE_BUSY` or `23505`; empty if it has none. */
export function codeOf(error: unknown): string {
  const source = error instanceof QueryFailedError ? (error.driverError as unknown) : error;
  if (typeof source !== 'object' || source === null || !('code' in source)) return '';
  return typeof source.code === 'string' ? source.code : '';
}

/** Whether another process holds a lock on the SQLite file. */
export function isLocked(error: unknown): boolean {
  return codeOf(error).startsWith('SQLITE_BUSY');
}
