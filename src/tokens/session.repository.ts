import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type FindOptionsWhere, IsNull, Not } from 'typeorm';
import { Database } from '../database/database.js';
import { Session } from './session.js';

export type NewSession = Omit<Session, 'id' | 'lastUsedAt' | 'endedAt'>;

/** A session that is not open yet, whose tokens can be made already. */
export function newSession(values: NewSession): Session {
  return { ...values, id: randomUUID(), lastUsedAt: values.createdAt, endedAt: null };
}

@Injectable()
export class SessionRepository {
  constructor(private readonly database: Database) {}

  async open(session: Session): Promise<void> {
    await this.database.write((manager) => manager.insert(Session, session));
  }

  /** Notes that the session was used. False where it has ended meanwhile. */
  async touch(id: string): Promise<boolean> {
    return this.update({ id, endedAt: IsNull() }, { lastUsedAt: Date.now() });
  }

  async end(id: string): Promise<void> {
    await this.update({ id, endedAt: IsNull() }, { endedAt: Date.now() });
  }

  /** Ends every session of the subject but the one of `except`. */
  async endAll(subject: string, except: string | null = null): Promise<void> {
    const others = except === null ? {} : { id: Not(except) };
    await this.update({ subject, endedAt: IsNull(), ...others }, { endedAt: Date.now() });
  }

  async removeAll(subject: string): Promise<void> {
    await this.database.write((manager) => manager.delete(Session, { subject }));
  }

  private async update(where: FindOptionsWhere<Session>, set: Partial<Session>): Promise<boolean> {
    const { affected } = await this.database.write((manager) =>
      manager.update(Session, where, set),
    );
    return affected !== 0;
  }
}
