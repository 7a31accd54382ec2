import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import { SessionActivityService } from './session-activity.service.js';
import { SessionRepository } from './session.repository.js';
import { Session } from './session.entity.js';

/**
 * Maximum number of sessions that one login ends. There are more only after `MAX_SESSIONS` was
 * lowered.
 */
const MAX_ENDED = 100;

/**
 * Limits the active sessions of a user to `MAX_SESSIONS` with a refresh token, and as many without
 * one.
 */
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
            // Leaves room for the session that is about to be opened.
            .offset(config.maxSessions - 1)
            .limit(MAX_ENDED),
      });
    this.excess = { with: beyond('IS NOT NULL'), without: beyond('IS NULL') };
  }

  /**
   * Ends the least recently used sessions of the same kind, so that a new session keeps within the
   * limit. Call it before the session is stored, within a write that has locked the user row. It
   * costs one query if no session has to end.
   *
   * @returns the ids of the sessions that ended
   */
  async endExcess({ subject, currentToken }: Session): Promise<string[]> {
    const select = this.excess[currentToken === null ? 'without' : 'with'];
    const values = { subject, now: Date.now() };
    if (!(await select.first(values))) return [];
    const active = await this.sessions.listActive(subject);
    await this.sessions.recordUses(this.activity.unwrittenUses(active.map(({ id }) => id)));
    const ids = (await select.all(values)).map(({ id }) => id);
    for (const id of ids) await this.sessions.end(id);
    return ids;
  }
}
