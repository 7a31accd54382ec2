import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import type { OnRemovalProgress } from '../database/remove-in-batches.js';
import { PeriodicJobsService } from '../scheduling/periodic-jobs.service.js';
import { AuditService } from './audit.service.js';

/** Removes entries that are older than `AUDIT_RETENTION`. */
@Injectable()
export class AuditRetentionService {
  constructor(
    private readonly trail: AuditService,
    private readonly config: AppConfig,
    jobs: PeriodicJobsService,
  ) {
    const run = (signal: AbortSignal) => this.removeOld(signal);
    jobs.add({ name: 'remove old audit entries', interval: 15 * 60_000, run });
  }

  /** @param signal stops the removal after the current batch */
  removeOld(signal?: AbortSignal, onProgress?: OnRemovalProgress): Promise<void> {
    const timestamp = Date.now() - this.config.auditRetention * 1000;
    return this.trail.removeBefore(timestamp, signal, onProgress);
  }
}
