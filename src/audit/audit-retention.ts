import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { PeriodicTask } from '../scheduling/periodic-task.js';
import { AuditTrail } from './audit-trail.js';

/** Removes entries that are older than `AUDIT_RETENTION`. */
@Injectable()
export class AuditRetention extends PeriodicTask {
  constructor(
    private readonly trail: AuditTrail,
    private readonly config: AppConfig,
  ) {
    super({ every: 15 * 60 * 1000 });
  }

  protected override work(): Promise<void> {
    const moment = Date.now() - this.config.auditRetention * 1000;
    return this.trail.removeBefore(moment, this.stopping);
  }
}
