import { Global, Module } from '@nestjs/common';
import { AuthAttemptsService } from './auth-attempts.service.js';
import { WriteQueueInterceptor } from './write-queue.interceptor.js';

/** Provides the counters and the queue that guards and interceptors of several modules share. */
@Global()
@Module({
  providers: [AuthAttemptsService, WriteQueueInterceptor],
  exports: [AuthAttemptsService, WriteQueueInterceptor],
})
export class LimitsModule {}
