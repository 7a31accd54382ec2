import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { ApiError, notFound } from '../errors/api-error.js';
import { parseRowId } from '../http/resource-id.js';
import { nfc } from '../validation/values.js';
import { Database } from '../database/database.js';
import { WRITE_BATCH, WriteBatchesService } from '../database/write-batches.service.js';
import type { Client } from '../http/client.js';
import type { ListQuery } from '../lists/list-query.js';
import type { Page } from '../lists/page.js';
import { SessionBatchesService } from '../sessions/session-batches.service.js';
import { SessionRepository } from '../sessions/session.repository.js';
import { TokenError, tokenRevoked } from '../tokens/token-errors.js';
import type { Token } from '../tokens/token.js';
import {
  type HashQueueKeys,
  hashQueueKeys,
  serviceHashQueueKeys,
  PasswordHasher,
} from '../passwords/password-hasher.js';
import { PasswordRulesService } from './password-rules.service.js';
import { nameTaken } from './user-errors.js';
import { UserRemovalsService } from './user-removals.service.js';
import {
  type KnownUser,
  type NewUser,
  UserRepository,
  type UserWithHash,
} from './user.repository.js';

interface Credentials {
  name: string;
  password: string;
}

/** Who asks for a change, and from where. */
export interface Caller {
  token: Token;
  client: Client;
}

@Injectable()
export class UsersService {
  constructor(
    private readonly users: UserRepository,
    private readonly removals: UserRemovalsService,
    private readonly passwords: PasswordHasher,
    private readonly sessions: SessionRepository,
    private readonly sessionBatches: SessionBatchesService,
    private readonly audit: AuditService,
    private readonly rules: PasswordRulesService,
    private readonly database: Database,
    private readonly batches: WriteBatchesService,
  ) {}

  list(query: ListQuery): Promise<Page<KnownUser>> {
    return this.users.list(query);
  }

  find(id: number): Promise<KnownUser | undefined> {
    return this.users.findById(id);
  }

  /** @throws ApiError `not_found` */
  async get(id: number): Promise<KnownUser> {
    const user = await this.find(id);
    if (!user) throw new ApiError(notFound);
    return user;
  }

  /** The id of the user of that name, or null. */
  async idOf(name: string): Promise<number | null> {
    return (await this.users.findByName(nfc(name)))?.id ?? null;
  }

  /**
   * @param origin where it comes from, and an administrator's token if one was asked for; nothing
   * on the command line
   * @throws ApiError `name_taken`, `validation_failed` and `password_too_common` for the password
   */
  async register(credentials: Credentials, origin: Partial<Caller>): Promise<KnownUser> {
    this.rules.refuse(credentials.password, credentials.name);
    // A name that is taken costs no hash. The unique index decides between simultaneous requests.
    if (await this.users.isTaken(credentials.name)) throw new ApiError(nameTaken);
    const turn = origin.client
      ? hashQueueKeys(origin.client, `new ${nfc(credentials.name)}`)
      : serviceHashQueueKeys();
    return this.add(await this.prepare(credentials, turn), origin);
  }

  /** What is stored of a user; hashing comes first, so that no write waits for it. */
  async prepare({ name, password }: Credentials, turn: HashQueueKeys): Promise<NewUser> {
    return {
      name: nfc(name),
      passwordHash: await this.passwords.hash(password, turn),
    };
  }

  /**
   * @param origin as for `register`; nothing if the service adds the user by itself
   * @throws ApiError `name_taken`; TokenError `token_revoked`
   */
  async add(prepared: NewUser, origin: Partial<Caller> = {}): Promise<KnownUser> {
    return this.database.write(async () => {
      if (origin.token) await this.requireActiveSession(origin.token);
      const user = await this.users.add(prepared);
      await this.audit.record('user_created', { userId: user.id, ...origin });
      return user;
    });
  }

  /**
   * The hash of a new password, for `replacePassword`.
   *
   * @throws ApiError `password_too_common`
   */
  hashNewPassword({ name }: KnownUser, password: string, client: Client): Promise<string> {
    this.rules.refuse(password, name, 'new_password');
    return this.passwords.hash(password, hashQueueKeys(client, `account ${name}`));
  }

  /**
   * Within a write: gives the user whose password was verified another one, and ends every session
   * of the user, the caller's too.
   *
   * @returns false if the user is not as they were when the password was verified
   * @throws TokenError `token_revoked` if the caller's session has ended
   */
  async replacePassword(
    user: AuthenticatedUser,
    passwordHash: string,
    caller: Caller,
  ): Promise<boolean> {
    await this.requireActiveSession(caller.token);
    if (!(await this.users.updateIfUnchanged(user, { passwordHash }))) return false;
    await this.sessions.endAll(String(user.id));
    await this.audit.record('password_changed', { userId: user.id, ...caller });
    return true;
  }

  /**
   * Makes the user an administrator, or an ordinary user again, and ends all of their sessions,
   * whose tokens say otherwise. Where they are that already, nothing happens.
   *
   * @throws ApiError `not_found`
   */
  async setAdmin(name: string, admin: boolean): Promise<void> {
    const user = await this.users.findByNameWithHash(nfc(name));
    if (!user) throw new ApiError(notFound);
    await this.database.write(async () => {
      if (!(await this.users.setAdmin(user.id, admin))) return;
      await this.sessions.endAll(String(user.id));
      await this.audit.record(admin ? 'admin_granted' : 'admin_revoked', { userId: user.id });
    });
  }

  /**
   * Removes the user with all of their rows. One write removes the user and ends the sessions. From
   * then on no request sees anything of the user. Rows beyond one batch follow in later writes.
   *
   * @throws ApiError `not_found`, `token_revoked`
   */
  async remove(id: number, caller: Caller): Promise<void> {
    await this.endSessionsBeyondBatch(id, caller.token);
    const complete = await this.database.write(async () => {
      await this.requireActiveSession(caller.token);
      if (!(await this.users.remove(id))) throw new ApiError(notFound);
      await this.sessions.endAll(String(id));
      await this.audit.record('user_deleted', { userId: id, ...caller });
      return this.removals.begin(id);
    });
    if (!complete) await this.removals.finish(id);
  }

  /**
   * Leaves few enough live sessions that one write can end them without holding up others. Only
   * users from before the limit of sessions have more. The caller's own session stays alive.
   */
  private async endSessionsBeyondBatch(id: number, token: Token): Promise<void> {
    const subject = String(id);
    if (!(await this.sessionBatches.exceedBatch(subject))) return;
    await this.batches.run({ group: `subject ${token.subject}` }, () =>
      this.database.write(async () => {
        await this.requireActiveSession(token);
        return (await this.sessionBatches.endBatch(subject, token.sessionId)) === WRITE_BATCH;
      }),
    );
  }

  /** The user of that name with the hash of the password. */
  findByNameWithHash(name: string): Promise<UserWithHash | undefined> {
    return this.users.findByNameWithHash(nfc(name));
  }

  /** The user of that id with the hash of the password. */
  findByIdWithHash(id: number): Promise<UserWithHash | undefined> {
    return this.users.findByIdWithHash(id);
  }

  /** @returns false if the user was changed since they were read */
  updateHashIfUnchanged(user: UserWithHash, passwordHash: string): Promise<boolean> {
    return this.users.updateIfUnchanged(user, { passwordHash });
  }

  /**
   * Within a write: confirms that the user still has the password that was verified, and the role
   * that was read, and holds them so until the write ends.
   */
  lockIfUnchanged(user: AuthenticatedUser): Promise<boolean> {
    return this.users.updateIfUnchanged(user, { passwordHash: user.passwordHash });
  }

  /** Whether the user still exists, with the name and the password that were verified. */
  async isUnchanged({ id, name, passwordHash }: AuthenticatedUser): Promise<boolean> {
    const now = await this.users.findByIdWithHash(id);
    return now?.name === name && now.passwordHash === passwordHash;
  }

  /** The user as they are now, where it is the role alone that has changed since they were read. */
  async findWithChangedRole(user: AuthenticatedUser): Promise<AuthenticatedUser | undefined> {
    const now = await this.users.findByIdWithHash(user.id);
    return now?.passwordHash === user.passwordHash && now.admin !== user.admin ? now : undefined;
  }

  /**
   * Within a write: makes sure that the caller's session has not ended since the token was checked,
   * and cannot end until the write ends. Locks the user row before session rows, to avoid deadlocks.
   *
   * @throws TokenError `token_revoked`
   */
  async requireActiveSession({ subject, sessionId }: Token): Promise<void> {
    if (sessionId === null) return;
    const id = parseRowId(subject);
    if (id !== null) await this.users.lockUser(id);
    if (await this.sessions.recordUse(sessionId)) return;
    throw new TokenError(tokenRevoked, 'the session ended meanwhile');
  }
}

/** A user whose password was just verified against the hash that is here. */
export type AuthenticatedUser = UserWithHash;
