import { Global, Module } from '@nestjs/common';
import { TokenStore } from '../tokens/token-store.js';
import { ExpiryService } from './expiry.service.js';
import { SessionActivityService } from './session-activity.service.js';
import { SessionBatchesService } from './session-batches.service.js';
import { SessionQuotaService } from './session-quota.service.js';
import { SessionRepository } from './session.repository.js';
import { SuccessorErasureService } from './successor-erasure.service.js';
import { SuccessorSealService } from './successor-seal.service.js';
import { TokenStateRepository } from './token-state.repository.js';

/** The tables of sessions and of revoked tokens. */
@Global()
@Module({
  providers: [
    SessionRepository,
    SessionBatchesService,
    SessionActivityService,
    SessionQuotaService,
    SuccessorSealService,
    SuccessorErasureService,
    TokenStateRepository,
    { provide: TokenStore, useExisting: TokenStateRepository },
    ExpiryService,
  ],
  exports: [
    SessionRepository,
    SessionBatchesService,
    SessionQuotaService,
    SuccessorSealService,
    TokenStore,
    ExpiryService,
  ],
})
export class SessionsModule {}
