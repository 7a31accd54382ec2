import { Injectable } from '@nestjs/common';
import type { EntityManager, ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { Database } from '../database/database.js';
import { removeInBatches, type OnRemovalProgress } from '../database/remove-in-batches.js';
import type { Select, Value } from '../database/select.js';
import { parseRowId } from '../http/resource-id.js';
import { RevokedToken } from './revoked-token.entity.js';
import { digestOf } from './sealed-token.js';
import { Session } from './session.entity.js';
import { TokenStore } from '../tokens/token-store.js';
import type { Token } from '../tokens/token.js';
import { SessionActivityService } from './session-activity.service.js';

type SessionValues = 'sid' | 'subject' | 'jti' | 'now';
type RoleValues = 'userId' | 'roleVersion';

/**
 * Decides whether a token is active from the tables of sessions and of revoked tokens, and from the
 * role version in the table of users.
 */
@Injectable()
export class TokenStateRepository extends TokenStore {
  private readonly activeSession: Select<Session, SessionValues>;
  private readonly activeWithRoles: Select<Session, SessionValues | RoleValues>;
  private readonly activeWithCurrentToken: Select<Session, SessionValues | 'digest'>;
  private readonly revocation: Select<RevokedToken, 'jti'>;
  private readonly unrevokedWithRoles: Select<ObjectLiteral, 'jti' | RoleValues>;

  constructor(
    private readonly database: Database,
    private readonly activity: SessionActivityService,
  ) {
    super();
    this.activeSession = database.select({
      parameters: ['sid', 'subject', 'jti', 'now'],
      query: activeSession,
    });
    this.activeWithRoles = database.select({
      parameters: ['sid', 'subject', 'jti', 'now', 'userId', 'roleVersion'],
      query: (manager) =>
        activeSession(manager).andWhere(`EXISTS (${userWithRoles(manager).getQuery()})`),
    });
    this.activeWithCurrentToken = database.select({
      parameters: ['sid', 'subject', 'jti', 'now', 'digest'],
      query: (manager) =>
        activeSession(manager).andWhere(
          '(session.currentToken = :digest OR session.currentToken IS NULL)',
        ),
    });
    this.revocation = database.select({ parameters: ['jti'], query: revocation });
    this.unrevokedWithRoles = database.select({
      parameters: ['jti', 'userId', 'roleVersion'],
      query: (manager) =>
        userWithRoles(manager).andWhere(`NOT EXISTS (${revocation(manager).getQuery()})`),
    });
  }

  /** Takes one query. Also records the use of the session. */
  async isActive(token: Token, { allowRotated }: { allowRotated: boolean }): Promise<boolean> {
    const { sessionId } = token;
    if (sessionId === null) return this.isUnrevoked(token);
    if ((await this.findSession(token, sessionId, allowRotated)) === undefined) return false;
    this.activity.record(sessionId);
    return true;
  }

  /** Takes one query, in addition to that of `isActive`. */
  async isOutdated(token: Token): Promise<boolean> {
    if (token.roleVersion === null) return false;
    const { id: jti, sessionId } = token;
    if (sessionId === null) return (await this.revocation.first({ jti })) === undefined;
    return (await this.activeSession.first(sessionValues(token, sessionId))) !== undefined;
  }

  private async isUnrevoked(token: Token): Promise<boolean> {
    const { id: jti, roleVersion } = token;
    if (roleVersion === null) return (await this.revocation.first({ jti })) === undefined;
    const user = await this.unrevokedWithRoles.first({ jti, ...roleValues(token, roleVersion) });
    return user !== undefined;
  }

  private findSession(
    token: Token,
    sessionId: string,
    allowRotated: boolean,
  ): Promise<Session | undefined> {
    const values = sessionValues(token, sessionId);
    if (token.type === 'refresh' && !allowRotated) {
      return this.activeWithCurrentToken.first({ ...values, digest: digestOf(token) });
    }
    const { roleVersion } = token;
    return roleVersion === null
      ? this.activeSession.first(values)
      : this.activeWithRoles.first({ ...values, ...roleValues(token, roleVersion) });
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
  async removeExpired(
    timestamp: number,
    signal?: AbortSignal,
    onProgress?: OnRemovalProgress,
  ): Promise<void> {
    const expired = { column: 'expiresAt', timestamp } as const;
    const tokens = { key: 'jti', ...expired } as const;
    await removeInBatches(this.database, RevokedToken, tokens, signal, onProgress);
    const sessions = { key: 'id', ...expired } as const;
    await removeInBatches(this.database, Session, sessions, signal, onProgress);
  }
}

function sessionValues({ id: jti, subject }: Token, sid: string): Record<SessionValues, Value> {
  return { sid, subject, jti, now: Date.now() };
}

/** No user has the id null, so a token whose subject is no user id is refused. */
function roleValues({ subject }: Token, roleVersion: number): Record<RoleValues, Value> {
  return { userId: parseRowId(subject), roleVersion };
}

function revocation(manager: EntityManager): SelectQueryBuilder<RevokedToken> {
  return manager
    .createQueryBuilder(RevokedToken, 'revoked')
    .select('revoked.jti')
    .where('revoked.jti = :jti');
}

/** The table is named, because this folder must not import the entity of `users/`. */
function userWithRoles(manager: EntityManager): SelectQueryBuilder<ObjectLiteral> {
  return manager
    .createQueryBuilder('users', 'user')
    .select('user.id')
    .where('user.id = :userId AND user.roleVersion = :roleVersion');
}

function activeSession(manager: EntityManager): SelectQueryBuilder<Session> {
  // The subject is compared as an expression, so that PostgreSQL finds the session by its id. With
  // outdated statistics it would use the index of active sessions by subject, and read all sessions
  // of the subject for each token.
  return manager
    .createQueryBuilder(Session, 'session')
    .select('session.id')
    .where("session.id = :sid AND session.subject || '' = :subject")
    .andWhere('session.endedAt IS NULL AND session.expiresAt > :now')
    .andWhere(`NOT EXISTS (${revocation(manager).getQuery()})`);
}
