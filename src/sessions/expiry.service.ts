import { Injectable } from '@nestjs/common';
import { PeriodicTask } from '../scheduling/periodic-task.js';
import { TokenStateRepository } from './token-state.repository.js';

/**
 * Milliseconds for which sessions and revoked tokens are kept beyond their expiry. Without them a clock
 * that jumps forward and back would make logged-out tokens valid again.
 */
const KEPT = 24 * 3600_000;

/** Removes sessions and revoked tokens that no valid token can name any more. */
@Injectable()
export class ExpiryService extends PeriodicTask {
  constructor(private readonly states: TokenStateRepository) {
    super({ every: 15 * 60 * 1000 });
  }

  protected override work(): Promise<void> {
    return this.states.removeExpired(Date.now() - KEPT, this.stopping);
  }
}
