import { Injectable } from '@nestjs/common';
import { SharedCounter } from '../../workers/shared-counter.js';
import { MAX_COUNTED, refuseBeyond } from '../../limits/user-rate-limit.guard.js';
import type { Token } from '../../tokens/token.js';

const MINUTE = 60_000;
const MAX_CHANGES = 10;

/** Limits how often a session may try to change a password, on all routes together. */
@Injectable()
export class PasswordChangeLimitService {
  private readonly counter = new SharedCounter('changes of passwords', {
    max: MAX_CHANGES,
    window: MINUTE,
    maxKeys: MAX_COUNTED,
  });

  /** @throws ApiError `too_many_requests` */
  async count({ sessionId, subject }: Token): Promise<void> {
    const key = sessionId === null ? `user ${subject}` : `session ${sessionId}`;
    refuseBeyond(await this.counter.take(key), 'changes of passwords');
  }
}
