import { Global, Module } from '@nestjs/common';
import { IdempotencyRecordRepository } from './idempotency-record.repository.js';
import { IdempotencyService } from './idempotency.service.js';

/** Provides the answers to repeated requests to every module that creates resources. */
@Global()
@Module({
  providers: [IdempotencyService, IdempotencyRecordRepository],
  exports: [IdempotencyService, IdempotencyRecordRepository],
})
export class IdempotencyModule {}
