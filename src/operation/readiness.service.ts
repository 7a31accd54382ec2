import { Injectable } from '@nestjs/common';
import { withDeadline } from './deadline.js';
import { Database } from '../database/database.js';
import { LifecycleService } from './lifecycle.service.js';

/** The checks that decide whether the service is ready. */
export const CHECKS = ['shutting_down', 'database', 'migrations'] as const;
export type Check = (typeof CHECKS)[number];

/** The failed checks, each with a sentence that says why. Empty if the service is ready. */
type FailedChecks = Partial<Record<Check, string[]>>;

/** The timeout of the database in milliseconds. */
const TIMEOUT = 2_000;
/** Milliseconds for which a result is used again. */
const MAX_AGE = 1_000;

export const FAILURES = {
  shutting_down: 'The service is shutting down.',
  database: 'The database does not answer.',
  migrations: 'The database lacks migrations of this version.',
} as const satisfies Record<Check, string>;

/**
 * Whether this instance can serve requests. The database is asked once a second at most, however
 * often a client asks.
 */
@Injectable()
export class ReadinessService {
  private latest: Promise<FailedChecks> | undefined;
  /** When the latest result expires; see `performance.now`. */
  private usableUntil = 0;

  constructor(
    private readonly database: Database,
    private readonly lifecycle: LifecycleService,
  ) {}

  async failedChecks(): Promise<FailedChecks> {
    // The first check, because a load balancer must learn of a shutdown at once.
    if (this.lifecycle.isStopping) return { shutting_down: [FAILURES.shutting_down] };
    if (!this.latest || performance.now() > this.usableUntil) {
      // Requests that arrive before the result share it.
      this.usableUntil = Infinity;
      this.latest = this.askDatabase().finally(() => {
        this.usableUntil = performance.now() + MAX_AGE;
      });
    }
    return this.latest;
  }

  private async askDatabase(): Promise<FailedChecks> {
    try {
      const missing = await withDeadline(this.missingMigrations(), TIMEOUT, FAILURES.database);
      return missing.length === 0 ? {} : { migrations: [FAILURES.migrations] };
    } catch {
      return { database: [FAILURES.database] };
    }
  }

  private async missingMigrations(): Promise<string[]> {
    await this.database.check();
    return this.database.missingMigrations();
  }
}
