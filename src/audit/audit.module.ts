import { Global, Module } from '@nestjs/common';
import { AuditController } from './audit.controller.js';
import { AuditRetention } from './audit-retention.js';
import { AuditTrail } from './audit-trail.js';

@Global()
@Module({
  controllers: [AuditController],
  providers: [AuditTrail, AuditRetention],
  exports: [AuditTrail],
})
export class AuditModule {}
