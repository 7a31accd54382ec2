import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { ApiError, notFound, preconditionFailed } from '../errors/api-error.js';
import { parseRowId } from '../http/resource-id.js';
import { nfc } from '../validation/values.js';
import { Database } from '../database/database.js';
import { type Precondition, refuseUnmet } from '../database/versions/precondition.js';
import { WRITE_BATCH, WriteBatchesService } from '../database/write-batches.service.js';
import type { Client } from '../http/client.js';
import type { ListQuery } from '../lists/list-query.js';
import type { Page } from '../lists/page.js';
import { SessionBatchesService } from '../sessions/session-batches.service.js';
import { SessionRepository } from '../sessions/session.repository.js';
import { TokenError, tokenExpired, tokenRevoked } from '../tokens/token-errors.js';
import type { Token } from '../tokens/token.js';
import {
  type HashQueueKeys,
  hashQueueKeys,
  serviceHashQueueKeys,
  PasswordHasher,
} from '../passwords/password-hasher.js';
import { PasswordRulesService } from './passwords/password-rules.service.js';
import { nameTaken } from './user-errors.js';
import { UserRoleRepository } from './roles/user-role.repository.js';
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

/** The token and the client of a request for a change. */
export interface Caller {
  token: Token;
  client: Client;
}

@Injectable()
export class UsersService {
  constructor(
    private readonly users: UserRepository,
    private readonly roles: UserRoleRepository,
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
   * @param origin the client, and the token of an administrator if one was required; empty on the
   * command line
   * @throws ApiError `name_taken`, `validation_failed` and `password_too_common` for the password
   */
  async register(credentials: Credentials, origin: Partial<Caller>): Promise<KnownUser> {
    return this.add(await this.prepareRegistration(credentials, origin), origin);
  }

  /** Checks the name and the password of a new user, and hashes the password; throws as `register`. */
  async prepareRegistration(
    credentials: Credentials,
    { client }: Partial<Caller>,
  ): Promise<NewUser> {
    this.rules.refuse(credentials.password, credentials.name);
    // Checked first, so that a taken name costs no hash. The unique index decides between
    // concurrent requests.
    if (await this.users.isTaken(credentials.name)) throw new ApiError(nameTaken);
    const queueKeys = client
      ? hashQueueKeys(client, `new ${nfc(credentials.name)}`)
      : serviceHashQueueKeys();
    return this.prepare(credentials, queueKeys);
  }

  /**
   * Hashes the password of a new user. This is done before the write, so that no write waits for a
   * hash.
   */
  async prepare({ name, password }: Credentials, queueKeys: HashQueueKeys): Promise<NewUser> {
    return {
      name: nfc(name),
      passwordHash: await this.passwords.hash(password, queueKeys),
    };
  }

  /**
   * @param origin as for `register`; empty if the service itself adds the user
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
   * Hashes a new password, for `replacePassword`.
   *
   * @throws ApiError `password_too_common`
   */
  hashNewPassword({ name }: KnownUser, password: string, client: Client): Promise<string> {
    this.rules.refuse(password, name, 'new_password');
    return this.passwords.hash(password, hashQueueKeys(client, `account ${name}`));
  }

  /**
   * Changes the password of a user whose current password was verified, and ends every session of
   * the user, including the caller's. Call it within a write.
   *
   * @returns false if the user has changed since the password was verified
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
   * Removes the user with all of their rows. One write removes the user and ends the sessions; from
   * then on no request sees any row of the user. Rows beyond one batch are removed by later writes.
   *
   * @param caller absent on the command line
   * @throws ApiError `not_found`, `last_administrator`, `precondition_required`, `precondition_failed`
   * @throws TokenError `token_revoked`, `token_expired`
   */
  async remove(id: number, precondition: Precondition, caller?: Caller): Promise<void> {
    refuseUnmet(precondition, (await this.get(id)).version);
    await this.endSessionsBeyondBatch(id, caller?.token);
    const complete = await this.database.write(async () => {
      if (caller) await this.requireActiveSession(caller.token);
      if (!(await this.users.lockUser(id))) throw new ApiError(notFound);
      await this.roles.removeAll(id);
      if (!(await this.users.remove(id, precondition))) throw new ApiError(preconditionFailed);
      await this.sessions.endAll(String(id));
      await this.audit.record('user_deleted', { userId: id, ...caller });
      return this.removals.begin(id);
    });
    if (!complete) await this.removals.finish(id);
  }

  /**
   * Ends sessions until one write can end the rest without delaying others. With `MAX_SESSIONS` up
   * to 250, which allows 250 of each kind, a user has no more than one batch. The caller's own
   * session stays active.
   */
  private async endSessionsBeyondBatch(id: number, token?: Token): Promise<void> {
    const subject = String(id);
    if (!(await this.sessionBatches.exceedBatch(subject))) return;
    const kept = token?.sessionId ?? null;
    await this.batches.run({ group: `subject ${token?.subject ?? subject}` }, () =>
      this.database.write(async () => {
        if (token) await this.requireActiveSession(token);
        return (await this.sessionBatches.endBatch(subject, kept)) === WRITE_BATCH;
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

  /** @returns false if the user has changed since they were read */
  updateHashIfUnchanged(user: UserWithHash, passwordHash: string): Promise<boolean> {
    return this.users.updateIfUnchanged(user, { passwordHash });
  }

  /**
   * Locks the user row until the write ends, if the user still has the password that was verified
   * and the roles that were read. Call it within a write.
   *
   * @returns false if the user has changed
   */
  lockIfUnchanged(user: AuthenticatedUser): Promise<boolean> {
    return this.users.updateIfUnchanged(user, { passwordHash: user.passwordHash });
  }

  /** Whether the user still exists, with the name and the password that were verified. */
  async isUnchanged({ id, name, passwordHash }: AuthenticatedUser): Promise<boolean> {
    const current = await this.users.findByIdWithHash(id);
    return current?.name === name && current.passwordHash === passwordHash;
  }

  /** The current user, if only the roles have changed since the user was read. */
  async findWithChangedRoles(user: AuthenticatedUser): Promise<AuthenticatedUser | undefined> {
    const current = await this.users.findByIdWithHash(user.id);
    return current?.passwordHash === user.passwordHash && current.roleVersion !== user.roleVersion
      ? current
      : undefined;
  }

  /**
   * Requires that the caller's session is still active and that the caller's roles are those of the
   * token, and keeps both until the write ends. Call it within a write. Locks the user row before
   * session rows, to avoid deadlocks.
   *
   * @throws TokenError `token_revoked`, `token_expired`
   */
  async requireActiveSession({ subject, sessionId, roleVersion }: Token): Promise<void> {
    if (sessionId === null && roleVersion === null) return;
    const id = parseRowId(subject);
    const isCurrent = id === null || (await this.users.lockUser(id, roleVersion));
    if (sessionId !== null && !(await this.sessions.recordUse(sessionId))) {
      throw new TokenError(tokenRevoked, 'the session has ended');
    }
    // Without a role version, the user of a token that code issued may not exist.
    if (!isCurrent && roleVersion !== null) throw rolesChanged();
  }
}

function rolesChanged(): TokenError {
  return new TokenError(tokenExpired, 'the roles of the user have changed');
}

/** A user whose password was just verified against `passwordHash`. */
export type AuthenticatedUser = UserWithHash;
