import { Module } from '@nestjs/common';
import { HealthController } from './health.controller.js';
import { LifecycleService } from './lifecycle.service.js';
import { ReadinessService } from './readiness.service.js';

/** Health and shutdown. */
@Module({
  controllers: [HealthController],
  providers: [LifecycleService, ReadinessService],
  exports: [LifecycleService],
})
export class OperationModule {}
