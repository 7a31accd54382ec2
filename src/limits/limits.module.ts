import { Global, Module } from '@nestjs/common';
import { AuthAttemptsService } from './auth-attempts.service.js';
import { WriteQueueGuard } from './write-queue.guard.js';

/** Provides the counters and the queue that guards and interceptors of several modules share. */
@Global()
@Module({
  providers: [AuthAttemptsService, WriteQueueGuard],
  exports: [AuthAttemptsService, WriteQueueGuard],
})
export class LimitsModule {}
