import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import { SessionActivityService } from './session-activity.service.js';
import { SessionRepository } from './session.repository.js';
import { Session } from './session.entity.js';

/** Sessions that one login ends at most; more are there only after `MAX_SESSIONS` was lowered. */
const MAX_ENDED = 100;

/** Bounds the live sessions of a user: those with a refresh token, and as many without. */
@Injectable()
export class SessionQuotaService {
  private readonly excess: Record<'with' | 'without', Select<Session, 'subject' | 'now'>>;

  constructor(
    database: Database,
    config: AppConfig,
    private readonly sessions: SessionRepository,
    private readonly activity: SessionActivityService,
  ) {
    const beyond = (kind: string): Select<Session, 'subject' | 'now'> =>
      database.select({
        parameters: ['subject', 'now'],
        query: (manager) =>
          manager
            .createQueryBuilder(Session, 'session')
            .select('session.id')
            .where('session.subject = :subject')
            .andWhere('session.endedAt IS NULL AND session.expiresAt > :now')
            .andWhere(`session.currentToken ${kind}`)
            .orderBy({ 'session.lastUsedAt': 'DESC', 'session.createdAt': 'DESC' })
            .addOrderBy('session.id')
            // The session that is about to be opened takes one place.
            .offset(config.maxSessions - 1)
            .limit(MAX_ENDED),
      });
    this.excess = { with: beyond('IS NOT NULL'), without: beyond('IS NULL') };
  }

  /**
   * Within a write that holds the user's row, before a session is opened: ends those of its kind
   * that were used longest ago, so that the new one is within the bound. One query, unless some end.
   *
   * @returns the ids of the sessions that ended
   */
  async endExcess({ subject, currentToken }: Session): Promise<string[]> {
    const select = this.excess[currentToken === null ? 'without' : 'with'];
    const values = { subject, now: Date.now() };
    if (!(await select.first(values))) return [];
    const live = await this.sessions.listActive(subject);
    await this.sessions.recordUses(this.activity.unwrittenUses(live.map(({ id }) => id)));
    const ids = (await select.all(values)).map(({ id }) => id);
    for (const id of ids) await this.sessions.end(id);
    return ids;
  }
}
