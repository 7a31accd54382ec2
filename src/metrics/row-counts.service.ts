import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditEntry } from '../audit/audit-entry.entity.js';
import { AuditRetentionService } from '../audit/audit-retention.service.js';
import { Database } from '../database/database.js';
import { countOldRows } from '../database/remove-in-batches.js';
import { IdempotencyRecord } from '../idempotency/idempotency-record.entity.js';
import { withDeadline } from '../operation/deadline.js';
import { ExpiryService } from '../sessions/expiry.service.js';
import { RevokedToken } from '../sessions/revoked-token.entity.js';
import { Session } from '../sessions/session.entity.js';

/** Rows that are counted, so that no collection of the metrics reads a whole table. */
export const MAX_COUNTED_ROWS = 100_000;

/** Milliseconds. */
const TIMEOUT = 2_000;

interface RowCounts {
  /** Active sessions. */
  active: number;
  /** Rows that the next clean-up removes, by table. */
  expired: Record<string, number>;
}

/** Counts rows for the metrics. */
@Injectable()
export class RowCountsService {
  private running: Promise<RowCounts> | undefined;

  constructor(
    private readonly database: Database,
    private readonly sessions: ExpiryService,
    private readonly audit: AuditRetentionService,
  ) {}

  /**
   * Collections at the same time share one run, so that they cannot queue up in front of a database
   * that does not answer.
   *
   * @throws Error if the database fails, or does not answer in time
   */
  read(): Promise<RowCounts> {
    this.running ??= this.countAll().finally(() => (this.running = undefined));
    return withDeadline(this.running, TIMEOUT, 'The rows were not counted in time.');
  }

  private async countAll(): Promise<RowCounts> {
    const { database } = this;
    const expired = { column: 'expiresAt', timestamp: this.sessions.threshold } as const;
    const old = { column: 'happenedAt', timestamp: this.audit.threshold } as const;
    const ended = { column: 'expiresAt', timestamp: Date.now() } as const;
    const [active, sessions, tokens, entries, records] = await Promise.all([
      this.countActiveSessions(),
      countOldRows(database, Session, expired, MAX_COUNTED_ROWS),
      countOldRows(database, RevokedToken, expired, MAX_COUNTED_ROWS),
      countOldRows(database, AuditEntry, old, MAX_COUNTED_ROWS),
      countOldRows(database, IdempotencyRecord, ended, MAX_COUNTED_ROWS),
    ]);
    return {
      active,
      expired: {
        ...{ sessions, revoked_tokens: tokens, audit_entries: entries },
        idempotency_records: records,
      },
    };
  }

  private countActiveSessions(): Promise<number> {
    const query = (manager: EntityManager) =>
      manager
        .createQueryBuilder(Session, 'session')
        .select('session.expiresAt')
        .where('session.endedAt IS NULL AND session.expiresAt > :now');
    const build = { query, parameters: ['now'] as const };
    return this.database.count(build, { now: Date.now() }, MAX_COUNTED_ROWS);
  }
}
