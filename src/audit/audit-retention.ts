import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { PeriodicJobs } from '../scheduling/periodic-jobs.js';
import { AuditTrail } from './audit-trail.js';

/** Removes entries that are older than `AUDIT_RETENTION`. */
@Injectable()
export class AuditRetention {
  constructor(
    private readonly trail: AuditTrail,
    private readonly config: AppConfig,
    jobs: PeriodicJobs,
  ) {
    const run = (signal: AbortSignal) => this.removeOld(signal);
    jobs.add({ name: 'remove old audit entries', interval: 15 * 60_000, run });
  }

  /** @param signal ends it before everything is removed */
  removeOld(signal?: AbortSignal): Promise<void> {
    const timestamp = Date.now() - this.config.auditRetention * 1000;
    return this.trail.removeBefore(timestamp, signal);
  }
}
