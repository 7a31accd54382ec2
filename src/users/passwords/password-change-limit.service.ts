import { Injectable } from '@nestjs/common';
import { WindowCounter } from '../../scheduling/window-counter.js';
import { MAX_COUNTED, refuseBeyond } from '../../limits/user-rate-limit.guard.js';
import type { Token } from '../../tokens/token.js';

const MINUTE = 60_000;
const MAX_CHANGES = 10;

/** Limits how often a session may try to change a password, on all routes together. */
@Injectable()
export class PasswordChangeLimitService {
  private readonly counter = new WindowCounter({
    max: MAX_CHANGES,
    window: MINUTE,
    maxKeys: MAX_COUNTED,
  });

  /** @throws ApiError `too_many_requests` */
  count({ sessionId, subject }: Token): void {
    const key = sessionId === null ? `user ${subject}` : `session ${sessionId}`;
    refuseBeyond(this.counter.take(key), 'changes of passwords');
  }
}
