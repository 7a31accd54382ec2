import { type BigIntStats, statSync } from 'node:fs';
import { basename } from 'node:path';
import { Logger } from '@nestjs/common';
import { unavailable } from '../../errors/api-error.js';
import { codeOf } from '../driver-error.js';
import { filesOf } from './sqlite-file.js';

/** Milliseconds between two checks of the files. */
const CHECK_INTERVAL = 1_000;

/**
 * Detects that the files of an open database were removed, replaced or emptied. SQLite itself keeps
 * using the files that it has open, whose content is lost when they are closed. The running service
 * only recovers if the same files are restored. To open other files in their place, it must be
 * restarted.
 *
 * See docs/decisions/0019-database-files.md.
 */
export class SqliteFileWatch {
  private readonly logger = new Logger('Database');
  /** Device and inode of each file that existed when the database was opened. */
  private readonly known = new Map<string, string>();
  private timer: NodeJS.Timeout | undefined;
  private problem: string | null = null;

  constructor(private readonly file: string) {}

  /** Starts the periodic checks. The database must be open. */
  start(): void {
    for (const path of filesOf(this.file)) {
      const found = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (found) this.known.set(path, identityOf(found));
    }
    this.timer = setInterval(() => this.check(), CHECK_INTERVAL).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /**
   * Relies on the latest check, unless that found a problem, and so costs nothing in general.
   *
   * @throws ApiError 503 if the files are gone, replaced or emptied
   */
  requireFiles(): void {
    if (this.problem !== null) this.requireFilesNow();
  }

  /** Checks the files now; throws as `requireFiles`. */
  requireFilesNow(): void {
    this.check();
    if (this.problem !== null) throw unavailable(this.problem);
  }

  private check(): void {
    const problem = this.findProblem();
    if (problem === this.problem) return;
    if (problem === null) this.logger.log('The database files are available again.');
    else if (this.problem === null) {
      this.logger.error(
        `${problem}: every request that needs the database gets 503. Restore the same file, or put the right one at ${this.file} and restart the service.`,
      );
    }
    this.problem = problem;
  }

  private findProblem(): string | null {
    for (const [path, known] of this.known) {
      const name = `The database file ${basename(path)}`;
      try {
        const found = statSync(path, { bigint: true, throwIfNoEntry: false });
        if (!found) return `${name} is gone`;
        if (identityOf(found) !== known) return `${name} is not the one that was opened`;
        // The other files may be empty.
        if (path === this.file && found.size === 0n) return `${name} is empty`;
      } catch (error) {
        return `${name} cannot be accessed (${codeOf(error)})`;
      }
    }
    return null;
  }
}

function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}
