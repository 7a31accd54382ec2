import { Injectable } from '@nestjs/common';
import type { OnRemovalProgress } from '../database/remove-in-batches.js';
import { PeriodicJobsService } from '../scheduling/periodic-jobs.service.js';
import { TokenStateRepository } from './token-state.repository.js';

/**
 * Milliseconds for which expired sessions and revoked tokens are kept. If they were removed at
 * once, a clock that jumps forward and back would make logged-out tokens valid again.
 */
export const EXPIRED_RETENTION = 24 * 3600_000;

/** Removes sessions and revoked tokens that no valid token can name any more. */
@Injectable()
export class ExpiryService {
  constructor(
    private readonly states: TokenStateRepository,
    jobs: PeriodicJobsService,
  ) {
    const run = (signal: AbortSignal) => this.removeExpired(signal);
    jobs.add({ name: 'remove expired sessions', interval: 15 * 60_000, run });
  }

  /** The timestamp until which rows have expired that the next run removes. */
  get threshold(): number {
    return Date.now() - EXPIRED_RETENTION;
  }

  /** @param signal stops the removal after the current batch */
  removeExpired(signal?: AbortSignal, onProgress?: OnRemovalProgress): Promise<void> {
    return this.states.removeExpired(this.threshold, signal, onProgress);
  }
}
