import { Injectable } from '@nestjs/common';
import type { EntityManager, ObjectLiteral } from 'typeorm';
import { AuditEntry } from '../audit/audit-entry.entity.js';
import { AuditRetentionService } from '../audit/audit-retention.service.js';
import { Database } from '../database/database.js';
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
    const expired = this.sessions.threshold;
    const condition = 'counted.endedAt IS NULL AND counted.expiresAt > :timestamp';
    const [active, sessions, tokens, entries] = await Promise.all([
      this.count(Session, 'expiresAt', condition, Date.now()),
      this.countUntil(Session, 'expiresAt', expired),
      this.countUntil(RevokedToken, 'expiresAt', expired),
      this.countUntil(AuditEntry, 'happenedAt', this.audit.threshold),
    ]);
    return { active, expired: { sessions, revoked_tokens: tokens, audit_entries: entries } };
  }

  private countUntil<Entity extends ObjectLiteral>(
    entity: new () => Entity,
    column: keyof Entity & string,
    timestamp: number,
  ): Promise<number> {
    return this.count(entity, column, `counted.${column} <= :timestamp`, timestamp);
  }

  private count<Entity extends ObjectLiteral>(
    entity: new () => Entity,
    column: keyof Entity & string,
    condition: string,
    timestamp: number,
  ): Promise<number> {
    const query = (manager: EntityManager) =>
      manager.createQueryBuilder(entity, 'counted').select(`counted.${column}`).where(condition);
    const parameters = ['timestamp'] as const;
    return this.database.count({ query, parameters }, { timestamp }, MAX_COUNTED_ROWS);
  }
}
