import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { ApiError, notFound } from '../errors/api-error.js';
import { parseId } from '../http/resource-id.js';
import { invalid } from '../validation/field-errors.js';
import { messages } from '../validation/messages.js';
import { nfc } from '../validation/values.js';
import { AppConfig } from '../config/app-config.js';
import { Database } from '../database/database.js';
import { SessionRepository } from '../sessions/session.repository.js';
import { CurrentPasswordCheck } from './passwords/current-password.js';
import type { ReplaceUser } from './dto/user-body.dto.js';
import { ConflictError, retry } from '../scheduling/retry.js';
import { hashQueueKeys, PasswordHasher } from '../passwords/password-hasher.js';
import { PasswordRulesService } from './passwords/password-rules.service.js';
import { nameTaken } from './user-errors.js';
import { nameError } from './user-name.js';
import {
  type KnownUser,
  type NewUser,
  UserRepository,
  type UserWithHash,
} from './user.repository.js';
import { type Caller, UsersService } from './users.service.js';

/** Implements `PUT /api/users/:id`; see docs/decisions/0014-flask-compat.md. */
@Injectable()
export class UserReplacementService {
  constructor(
    private readonly config: AppConfig,
    private readonly accounts: UsersService,
    private readonly users: UserRepository,
    private readonly passwords: PasswordHasher,
    private readonly rules: PasswordRulesService,
    private readonly check: CurrentPasswordCheck,
    private readonly sessions: SessionRepository,
    private readonly audit: AuditService,
    private readonly database: Database,
  ) {}

  /**
   * Replaces the name and the password of a user. Names and fields are checked before anything is
   * hashed. After that the work is one verification and one hash, whatever the password is.
   *
   * @param caller the session of its token must be active until the change is stored
   * @throws ApiError `validation_failed`, `password_too_common`, `not_found`, `name_taken`,
   * `current_password_wrong`, `too_many_requests`; TokenError `token_revoked`
   */
  async replace(id: number, body: ReplaceUser, caller: Caller): Promise<KnownUser> {
    const current = this.currentOf(id, body, caller);
    const { password } = body;
    const name = nfc(body.name);
    this.rules.refuse(password, name);
    let newHash: string | undefined;
    return retry(async () => {
      const user = await this.users.findByIdWithHash(id);
      refuseNewName(name, user);
      if (!user) throw new ApiError(notFound);
      if (name !== user.name && (await this.users.isTaken(name, id))) throw new ApiError(nameTaken);
      const { verified, isUnchanged } = await this.verify(user, { password, current }, caller);
      newHash ??= await this.passwords.hash(
        password,
        hashQueueKeys(caller.client, `account ${user.name}`),
      );
      const values = { name, passwordHash: isUnchanged ? verified.passwordHash : newHash };
      if (await this.updateUser(verified, values, caller)) return { ...verified, name };
      throw new ConflictError('the user kept changing');
    });
  }

  /**
   * The current password from the body, or null if none is required: with `FLASK_COMPAT`, or if an
   * administrator changes another user.
   */
  private currentOf(id: number, body: ReplaceUser, { token }: Caller): string | null {
    const { current_password: current } = body;
    if (!this.config.flaskCompat && parseId(token.subject) === id) {
      if (current !== undefined) return current;
      throw invalid([['current_password', [messages.required]]]);
    }
    if (current === undefined) return null;
    throw invalid([['current_password', [messages.unknown]]]);
  }

  /**
   * Verifies the current password if one is required, and the new one if not, so that the work is
   * the same.
   *
   * @returns the user with the hash that was compared, and whether the password stays the same
   * @throws ApiError `current_password_wrong`, `too_many_requests`; TokenError `token_revoked`
   */
  private async verify(
    user: UserWithHash,
    { password, current }: { password: string; current: string | null },
    { token, client }: Caller,
  ): Promise<{ verified: UserWithHash; isUnchanged: boolean }> {
    if (current === null) {
      const isUnchanged = await this.passwords.verify(
        user.passwordHash,
        password,
        hashQueueKeys(client, `account ${user.name}`),
      );
      return { verified: user, isUnchanged };
    }
    const verified = await this.check.confirmPassword(user, current, token, client);
    return { verified, isUnchanged: nfc(current) === nfc(password) };
  }

  /** @returns false if the user has changed since they were read */
  private async updateUser(user: UserWithHash, values: NewUser, caller: Caller): Promise<boolean> {
    const kept = this.config.flaskCompat ? caller.token.sessionId : null;
    return this.database.write(async () => {
      await this.accounts.requireActiveSession(caller.token);
      if (!(await this.users.updateIfUnchanged(user, values))) return false;
      if (values.name !== user.name) {
        await this.audit.record('user_renamed', { userId: user.id, ...caller });
      }
      if (values.passwordHash !== user.passwordHash) {
        await this.sessions.endAll(String(user.id), kept);
        await this.audit.record('password_changed', { userId: user.id, ...caller });
      }
      return true;
    });
  }
}

/** @throws ApiError `validation_failed` for a name that breaks the rules, unless the user has it */
function refuseNewName(name: string, user: KnownUser | undefined): void {
  const problem = name === user?.name ? null : nameError(name);
  if (problem !== null) throw invalid([['name', [problem]]]);
}
