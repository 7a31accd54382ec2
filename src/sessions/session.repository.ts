import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  type EntityManager,
  type FindOptionsWhere,
  type SelectQueryBuilder,
  Equal,
  IsNull,
  LessThan,
  MoreThan,
  Not,
  Or,
} from 'typeorm';
import type { QueryDeepPartialEntity } from 'typeorm/query-builder/QueryPartialEntity.js';
import { Database } from '../database/database.js';
import type { ReadCaller, Select } from '../database/select.js';
import { Session } from './session.entity.js';
import { NO_SUCCESSOR } from './successor-erasure.js';

export type NewSession = Pick<Session, 'subject' | 'createdAt' | 'expiresAt' | 'agent' | 'ip'>;

/** One refresh: which token a session moves on from, and to which. */
export interface SessionStep {
  id: string;
  /** The digests of the two. */
  from: string;
  to: string;
  /** The new token, sealed; see `SuccessorSeal`. Null if no repeat is answered. */
  successor: string | null;
  /** The address range and the user agent of the request that spends the token. */
  range: string | null;
  agent: string | null;
  /** Milliseconds since 1970, as is `expiresAt`. */
  now: number;
  /** Until when the session lives from now on. */
  expiresAt: number;
}

/** How many sessions of one subject are listed; those that were used last. */
const LISTED = 1000;

/** A session that is not open yet, whose tokens can be made already. */
export function newSession(values: NewSession): Session {
  return {
    ...values,
    id: randomUUID(),
    lastUsedAt: values.createdAt,
    endedAt: null,
    currentToken: null,
    spentToken: null,
    spentAt: null,
    ...NO_SUCCESSOR,
    repeats: 0,
    repeatedElsewhere: false,
    passwordAttempts: 0,
  };
}

/** What becomes of a session that ends: no successor of it can be read any more. */
export const ended = () => ({ endedAt: Date.now(), ...NO_SUCCESSOR });

/** A session that has no refresh token yet takes the first that comes. */
const orNone = (token: string) => Or(Equal(token), IsNull());

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
          .limit(LISTED),
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
          .limit(LISTED),
    });
  }

  async open(session: Session): Promise<void> {
    await this.database.write((manager) => manager.insert(Session, session));
  }

  /** The session, where it lives. */
  findActive(id: string): Promise<Session | undefined> {
    return this.live.first({ id, now: Date.now() });
  }

  /** Whether the subject has such a session that lives. */
  async hasActive(subject: string, id: string): Promise<boolean> {
    return (await this.findActive(id))?.subject === subject;
  }

  /** Within a write: the session, if it lives, locked until the write ends. */
  async lockActive(id: string): Promise<Session | undefined> {
    return (await this.updateActive({ id }, { id })) ? this.findActive(id) : undefined;
  }

  /**
   * The sessions of a subject that live, those that were used last first.
   *
   * @throws ApiError 429 or 503 if too many expensive reads are queued
   */
  listActive(subject: string, caller?: ReadCaller): Promise<Session[]> {
    return this.liveOf.all({ subject, now: Date.now() }, caller);
  }

  /** Whether the subject has a session that lives, besides the one of `except`. */
  async hasOthers(subject: string, except: string | null): Promise<boolean> {
    const values = { subject, except: except ?? '', now: Date.now() };
    return (await this.othersOf.first(values)) !== undefined;
  }

  /** Where the sessions of a subject came from, also of those that have ended of late. */
  async addressesOf(subject: string): Promise<string[]> {
    const sessions = await this.allOf.all({ subject });
    return [...new Set(sessions.flatMap(({ ip }) => ip ?? []))];
  }

  /**
   * Notes that the session was used.
   *
   * @param token the digest of the refresh token that it was used with, if any
   * @returns false where it has ended meanwhile, or another token is the current one
   */
  async touch(id: string, token?: string): Promise<boolean> {
    const current = token === undefined ? {} : { currentToken: orNone(token) };
    return this.updateActive({ id, ...current }, { lastUsedAt: Date.now() });
  }

  /**
   * Spends the current refresh token for another, in one statement: of any number of requests that
   * send the same token, at any instance, one gets true.
   *
   * @returns false where the token is not the current one, or the session has ended
   */
  async rotateRefreshToken(step: SessionStep): Promise<boolean> {
    const { id, from, to, successor, range, agent, now, expiresAt } = step;
    return this.updateActive(
      { id, currentToken: orNone(from) },
      {
        currentToken: to,
        spentToken: from,
        spentAt: now,
        successor,
        spentRange: range,
        spentAgent: agent,
        repeats: 0,
        repeatedElsewhere: false,
        repeatedBy: null,
        lastUsedAt: now,
        expiresAt,
      },
    );
  }

  /** Within the write of `lockActive`: notes that a repeat of the spent token is answered. */
  async noteRepeat(
    id: string,
    repeat: Pick<Session, 'repeats' | 'repeatedElsewhere' | 'repeatedBy'>,
  ): Promise<void> {
    await this.updateActive({ id }, repeat);
  }

  /**
   * Counts a verification of the current password before it runs, in one statement, so that no
   * instance verifies more than `max` of them.
   *
   * @returns false if `max` of them are counted already, or if the session has ended
   */
  async countPasswordAttempt(id: string, max: number): Promise<boolean> {
    const where = { id, passwordAttempts: LessThan(max) };
    return this.updateActive(where, { passwordAttempts: () => 'password_attempts + 1' });
  }

  /** Begins the count anew, after a correct password. */
  async forgetPasswordAttempts(id: string): Promise<void> {
    await this.updateActive({ id }, { passwordAttempts: 0 });
  }

  /** @returns whether it lived until now */
  async end(id: string): Promise<boolean> {
    return this.updateActive({ id }, ended());
  }

  /** @returns whether the subject has such a session, which lived until now */
  async endOf(subject: string, id: string): Promise<boolean> {
    return this.updateActive({ id, subject }, ended());
  }

  /**
   * Ends every session of the subject but the one of `except`.
   *
   * @returns whether there were any that lived until now
   */
  async endAll(subject: string, except: string | null = null): Promise<boolean> {
    const others = except === null ? {} : { id: Not(except) };
    return this.updateActive({ subject, ...others }, ended());
  }

  /** Notes when sessions were last used, where that is later than what is known. */
  async noteUse(uses: readonly (readonly [id: string, at: number])[]): Promise<void> {
    // One order at all instances, to avoid deadlocks.
    const ordered = [...uses].sort(([one], [other]) => (one < other ? -1 : 1));
    await this.database.write(async (manager) => {
      for (const [id, at] of ordered) {
        await manager
          .createQueryBuilder()
          .update(Session)
          .set({ lastUsedAt: at })
          .where('id = :id AND last_used_at < :at', { id, at })
          .execute();
      }
    });
  }

  /** @returns whether there were any such sessions that live */
  private async updateActive(
    where: FindOptionsWhere<Session>,
    set: QueryDeepPartialEntity<Session>,
  ): Promise<boolean> {
    const live = { endedAt: IsNull(), expiresAt: MoreThan(Date.now()) };
    const { affected } = await this.database.write((manager) =>
      manager.update(Session, { ...where, ...live }, set),
    );
    return affected !== 0;
  }
}

/** The sessions of `:subject` that live at `:now`. */
export function liveOf(manager: EntityManager): SelectQueryBuilder<Session> {
  return manager
    .createQueryBuilder(Session, 'session')
    .where('session.subject = :subject')
    .andWhere('session.endedAt IS NULL AND session.expiresAt > :now');
}
