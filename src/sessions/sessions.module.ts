import { Global, Module } from '@nestjs/common';
import { TokenStore } from '../tokens/token-store.js';
import { ExpiryService } from './expiry.service.js';
import { SessionActivity } from './session-activity.js';
import { SessionBatches } from './session-batches.js';
import { SessionQuota } from './session-quota.js';
import { SessionRepository } from './session.repository.js';
import { SuccessorErasure } from './successor-erasure.js';
import { SuccessorSeal } from './successor-seal.js';
import { TokenStateRepository } from './token-state.repository.js';

/** The tables of sessions and of revoked tokens. */
@Global()
@Module({
  providers: [
    SessionRepository,
    SessionBatches,
    SessionActivity,
    SessionQuota,
    SuccessorSeal,
    SuccessorErasure,
    TokenStateRepository,
    { provide: TokenStore, useExisting: TokenStateRepository },
    ExpiryService,
  ],
  exports: [SessionRepository, SessionBatches, SessionQuota, SuccessorSeal, TokenStore],
})
export class SessionsModule {}
