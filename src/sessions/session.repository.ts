import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import { Database } from '../database/database.js';
import { type RowCondition, updateRows } from '../database/statements/change-rows.js';
import { insertRow } from '../database/statements/insert-row.js';
import type { ReadCaller, Select } from '../database/select.js';
import { Session } from './session.entity.js';
import { NO_SUCCESSOR } from './successor-erasure.service.js';

type NewSession = Pick<Session, 'subject' | 'createdAt' | 'expiresAt' | 'agent' | 'ip'>;

/** One rotation of a session's refresh token. */
interface Rotation {
  id: string;
  /** The digest of the token that is rotated. */
  from: string;
  /** The digest of the new token. */
  to: string;
  /** The new token, sealed; see `SuccessorSealService`. Null if no repeat is answered. */
  successor: string | null;
  /** The address range of the request. */
  range: string | null;
  /** The user agent of the request. */
  agent: string | null;
  /** A timestamp. */
  now: number;
  /** The new end of the session, a timestamp. */
  expiresAt: number;
}

/** Sessions of one subject that are listed at most; the most recently used ones. */
const MAX_LISTED = 1000;

/** A session that is not stored yet. Its id is known, so that its tokens can be issued first. */
export function newSession(values: NewSession): Session {
  return {
    ...values,
    id: randomUUID(),
    lastUsedAt: values.createdAt,
    endedAt: null,
    currentToken: null,
    rotatedToken: null,
    rotatedAt: null,
    ...NO_SUCCESSOR,
    repeats: 0,
    repeatedElsewhere: false,
    passwordAttempts: 0,
  };
}

/** Column values of a session that ends now. Its successor is erased. */
export const endedValues = () => ({ endedAt: Date.now(), ...NO_SUCCESSOR });

/** Conditions of writes. */
const IS_ACTIVE = 'ended_at IS NULL AND expires_at > :now';
/** A session without a current token accepts the first one that is used. */
const IS_CURRENT = '(current_token = :token OR current_token IS NULL)';

@Injectable()
export class SessionRepository {
  private readonly live: Select<Session, 'id' | 'now'>;
  private readonly liveOf: Select<Session, 'subject' | 'now'>;
  private readonly othersOf: Select<Session, 'subject' | 'except' | 'now'>;
  private readonly allOf: Select<Session, 'subject'>;

  constructor(private readonly database: Database) {
    this.live = database.select({
      parameters: ['id', 'now'],
      query: (manager) =>
        manager
          .createQueryBuilder(Session, 'session')
          .where('session.id = :id')
          .andWhere('session.endedAt IS NULL AND session.expiresAt > :now'),
    });
    this.liveOf = database.select({
      parameters: ['subject', 'now'],
      expensive: true,
      query: (manager) =>
        liveOf(manager)
          .orderBy({ 'session.lastUsedAt': 'DESC', 'session.id': 'ASC' })
          .limit(MAX_LISTED),
    });
    this.othersOf = database.select({
      parameters: ['subject', 'except', 'now'],
      query: (manager) =>
        liveOf(manager).select('session.id').andWhere('session.id <> :except').limit(1),
    });
    this.allOf = database.select({
      parameters: ['subject'],
      query: (manager) =>
        manager
          .createQueryBuilder(Session, 'session')
          .select('session.ip')
          .where('session.subject = :subject')
          .orderBy('session.lastUsedAt', 'DESC')
          .limit(MAX_LISTED),
    });
  }

  async open(session: Session): Promise<void> {
    await this.database.write((manager) => insertRow(manager, Session, session));
  }

  /** The session, if it is active. */
  findActive(id: string): Promise<Session | undefined> {
    return this.live.first({ id, now: Date.now() });
  }

  /** Whether the session is active and belongs to the subject. */
  async hasActive(subject: string, id: string): Promise<boolean> {
    return (await this.findActive(id))?.subject === subject;
  }

  /** Within a write: locks the session until the write ends. Returns it if it is active. */
  async lockActive(id: string): Promise<Session | undefined> {
    return (await this.updateActive(withId(id), { id })) ? this.findActive(id) : undefined;
  }

  /**
   * The active sessions of a subject, the most recently used one first.
   *
   * @throws ApiError 429 or 503 if too many expensive reads are queued
   */
  listActive(subject: string, caller?: ReadCaller): Promise<Session[]> {
    return this.liveOf.all({ subject, now: Date.now() }, caller);
  }

  /** Whether the subject has an active session other than `except`. */
  async hasOthers(subject: string, except: string | null): Promise<boolean> {
    const values = { subject, except: except ?? '', now: Date.now() };
    return (await this.othersOf.first(values)) !== undefined;
  }

  /** The addresses of a subject's sessions, including ended ones that are not removed yet. */
  async addressesOf(subject: string): Promise<string[]> {
    const sessions = await this.allOf.all({ subject });
    return [...new Set(sessions.flatMap(({ ip }) => ip ?? []))];
  }

  /**
   * Records that the session was used.
   *
   * @param token the digest of the refresh token that it was used with, if any
   * @returns false if the session has ended, or another token is the current one
   */
  async recordUse(id: string, token?: string): Promise<boolean> {
    const where =
      token === undefined
        ? withId(id)
        : { sql: `id = :id AND ${IS_CURRENT}`, values: { id, token } };
    return this.updateActive(where, { lastUsedAt: Date.now() });
  }

  /**
   * Replaces the current refresh token in one statement (compare-and-set): of concurrent requests
   * with the same token, at any instance, exactly one gets true.
   *
   * @returns false if the token is not the current one, or the session has ended
   */
  async rotateRefreshToken(rotation: Rotation): Promise<boolean> {
    const { id, from, to, successor, range, agent, now, expiresAt } = rotation;
    const rotated = {
      currentToken: to,
      rotatedToken: from,
      rotatedAt: now,
      successor,
      rotatedByRange: range,
      rotatedByAgent: agent,
      repeats: 0,
      repeatedElsewhere: false,
      repeatedBy: null,
      lastUsedAt: now,
      expiresAt,
    };
    const where = { sql: `id = :id AND ${IS_CURRENT}`, values: { id, token: from } };
    return this.updateActive(where, rotated);
  }

  /** Within the write of `lockActive`: records that a repeat of the rotated token is answered. */
  async recordRepeat(
    id: string,
    repeat: Pick<Session, 'repeats' | 'repeatedElsewhere' | 'repeatedBy'>,
  ): Promise<void> {
    await this.updateActive(withId(id), repeat);
  }

  /**
   * Counts a verification of the current password before it runs, in one statement, so that no
   * instance verifies more than `max` of them.
   *
   * @returns false if `max` of them are counted already, or if the session has ended
   */
  async countPasswordAttempt(id: string, max: number): Promise<boolean> {
    const { affected } = await this.database.write((manager) =>
      manager
        .createQueryBuilder()
        .update(Session)
        .set({ passwordAttempts: () => 'password_attempts + 1' })
        .where(`id = :id AND password_attempts < :max AND ${IS_ACTIVE}`)
        .setParameters({ id, max, now: Date.now() })
        .execute(),
    );
    return affected !== 0;
  }

  /** Resets the count, after a correct password. */
  async resetPasswordAttempts(id: string): Promise<void> {
    await this.updateActive(withId(id), { passwordAttempts: 0 });
  }

  /** @returns whether it was active */
  async end(id: string): Promise<boolean> {
    return this.updateActive(withId(id), endedValues());
  }

  /** @returns whether the subject had such an active session */
  async endOf(subject: string, id: string): Promise<boolean> {
    const where = { sql: 'id = :id AND subject = :subject', values: { id, subject } };
    return this.updateActive(where, endedValues());
  }

  /**
   * Ends every session of the subject, except the one with the id `except`.
   *
   * @returns whether any of them was active
   */
  async endAll(subject: string, except: string | null = null): Promise<boolean> {
    // No session has an empty id.
    const values = { subject, except: except ?? '' };
    return this.updateActive(
      { sql: 'subject = :subject AND id <> :except', values },
      endedValues(),
    );
  }

  /** Records when sessions were last used, unless the stored time is later. */
  async recordUses(uses: readonly (readonly [id: string, at: number])[]): Promise<void> {
    // One order at all instances, to avoid deadlocks.
    const ordered = [...uses].sort(([one], [other]) => (one < other ? -1 : 1));
    await this.database.write(async (manager) => {
      for (const [id, at] of ordered) {
        const where = { sql: 'id = :id AND last_used_at < :at', values: { id, at } };
        await updateRows(manager, Session, { lastUsedAt: at }, where);
      }
    });
  }

  /** @returns whether it changed an active session */
  private async updateActive(
    { sql, values }: RowCondition,
    set: Partial<Session>,
  ): Promise<boolean> {
    const where = { sql: `${sql} AND ${IS_ACTIVE}`, values: { ...values, now: Date.now() } };
    const changed = await this.database.write((manager) =>
      updateRows(manager, Session, set, where),
    );
    return changed > 0;
  }
}

const withId = (id: string): RowCondition => ({ sql: 'id = :id', values: { id } });

/** Selects the sessions of `:subject` that are active at `:now`. */
export function liveOf(manager: EntityManager): SelectQueryBuilder<Session> {
  return manager
    .createQueryBuilder(Session, 'session')
    .where('session.subject = :subject')
    .andWhere('session.endedAt IS NULL AND session.expiresAt > :now');
}
