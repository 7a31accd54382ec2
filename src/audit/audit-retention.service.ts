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

  /** The timestamp until which entries are old, so that the next run removes them. */
  get threshold(): number {
    return Date.now() - this.config.auditRetention * 1000;
  }

  /** @param signal stops the removal after the current batch */
  removeOld(signal?: AbortSignal, onProgress?: OnRemovalProgress): Promise<void> {
    return this.trail.removeBefore(this.threshold, signal, onProgress);
  }
}
