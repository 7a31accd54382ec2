import { Injectable } from '@nestjs/common';
import { PeriodicTask } from '../common/periodic-task.js';
import { TokenStateRepository } from './token-state.repository.js';

/** Keeps the tables of sessions and revoked tokens as small as the tokens that are still valid. */
@Injectable()
export class ExpiryService extends PeriodicTask {
  constructor(private readonly states: TokenStateRepository) {
    super({ every: 15 * 60 * 1000 });
  }

  protected override work(): Promise<void> {
    return this.states.removeExpired(Date.now(), this.stopping);
  }
}
