import { Injectable } from '@nestjs/common';
import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import { Database } from '../database/database.js';
import { removeInBatches } from '../database/remove-in-batches.js';
import type { Select } from '../database/select.js';
import { RevokedToken } from './revoked-token.entity.js';
import { digestOf } from './sealed-token.js';
import { Session } from './session.entity.js';
import { TokenStore } from '../tokens/token-store.js';
import type { Token } from '../tokens/token.js';
import { SessionActivityService } from './session-activity.service.js';

/** Decides from the tables of sessions and of revoked tokens whether a token is active. */
@Injectable()
export class TokenStateRepository extends TokenStore {
  private readonly activeSession: Select<Session, 'sid' | 'subject' | 'jti' | 'now'>;
  private readonly activeWithCurrentToken: Select<
    Session,
    'sid' | 'subject' | 'jti' | 'now' | 'digest'
  >;
  private readonly revocation: Select<RevokedToken, 'jti'>;

  constructor(
    private readonly database: Database,
    private readonly activity: SessionActivityService,
  ) {
    super();
    this.activeSession = database.select({
      parameters: ['sid', 'subject', 'jti', 'now'],
      query: activeSession,
    });
    this.activeWithCurrentToken = database.select({
      parameters: ['sid', 'subject', 'jti', 'now', 'digest'],
      query: (manager) =>
        activeSession(manager).andWhere(
          '(session.currentToken = :digest OR session.currentToken IS NULL)',
        ),
    });
    this.revocation = database.select({
      parameters: ['jti'],
      query: (manager) =>
        manager
          .createQueryBuilder(RevokedToken, 'revoked')
          .select('revoked.jti')
          .where('revoked.jti = :jti'),
    });
  }

  /** Takes one query. Also records the use of the session. */
  async isActive(token: Token, { allowRotated }: { allowRotated: boolean }): Promise<boolean> {
    const { id: jti, subject, sessionId: sid } = token;
    if (sid === null) return (await this.revocation.first({ jti })) === undefined;
    const values = { sid, subject, jti, now: Date.now() };
    const row =
      token.type === 'access' || allowRotated
        ? await this.activeSession.first(values)
        : await this.activeWithCurrentToken.first({ ...values, digest: digestOf(token) });
    if (row === undefined) return false;
    this.activity.record(sid);
    return true;
  }

  async revoke(token: Token): Promise<void> {
    await this.database.write((manager) =>
      manager
        .createQueryBuilder()
        .insert()
        .into(RevokedToken)
        .values({ jti: token.id, expiresAt: Math.ceil(token.expiresAt.getTime()) })
        .orIgnore()
        .updateEntity(false)
        .execute(),
    );
  }

  /**
   * Removes sessions and revoked tokens that have expired.
   *
   * @param timestamp milliseconds since 1970; what expired later is kept
   * @param signal stops the removal after the current batch
   */
  async removeExpired(timestamp: number, signal?: AbortSignal): Promise<void> {
    const expired = { column: 'expiresAt', timestamp } as const;
    await removeInBatches(this.database, RevokedToken, { key: 'jti', ...expired }, signal);
    await removeInBatches(this.database, Session, { key: 'id', ...expired }, signal);
  }
}

function activeSession(manager: EntityManager): SelectQueryBuilder<Session> {
  const revoked = manager
    .createQueryBuilder(RevokedToken, 'revoked')
    .select('revoked.jti')
    .where('revoked.jti = :jti');
  // The subject is compared as an expression, so that PostgreSQL finds the session by its id. With
  // outdated statistics it would use the index of active sessions by subject, and read all sessions
  // of the subject for each token.
  return manager
    .createQueryBuilder(Session, 'session')
    .select('session.id')
    .where("session.id = :sid AND session.subject || '' = :subject")
    .andWhere('session.endedAt IS NULL AND session.expiresAt > :now')
    .andWhere(`NOT EXISTS (${revoked.getQuery()})`);
}
