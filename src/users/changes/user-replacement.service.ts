import { Injectable } from '@nestjs/common';
import { AuditService } from '../../audit/audit.service.js';
import { ApiError, notFound } from '../../errors/api-error.js';
import { parseId } from '../../http/resource-id.js';
import { invalid } from '../../validation/field-errors.js';
import { messages } from '../../validation/messages.js';
import { nfc } from '../../validation/values.js';
import { AppConfig } from '../../config/app-config.js';
import { Database } from '../../database/database.js';
import { type Precondition, refuseUnmet } from '../../database/versions/precondition.js';
import { newVersion } from '../../database/versions/row-version.js';
import { SessionRepository } from '../../sessions/session.repository.js';
import { CurrentPasswordCheck } from '../passwords/current-password.js';
import type { PatchUser } from '../dto/user-body.dto.js';
import { ConflictError, retry } from '../../scheduling/retry.js';
import { hashQueueKeys, PasswordHasher } from '../../passwords/password-hasher.js';
import { PasswordRulesService } from '../passwords/password-rules.service.js';
import { nameTaken } from '../user-errors.js';
import { nameError } from '../user-name.js';
import {
  type KnownUser,
  type NewUser,
  UserRepository,
  type UserWithHash,
} from '../user.repository.js';
import { type Caller, UsersService } from '../users.service.js';

/** Implements `PUT` and `PATCH /api/users/:id`; see docs/decisions/0014-flask-compat.md. */
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
   * Changes the fields that the body names. Names and fields are checked before anything is hashed. With
   * a password the work is one verification and one hash after that, whatever the password is. A name
   * alone needs no password.
   *
   * @param body of `PUT`, which names both, or of `PATCH`
   * @param caller the session of its token must be active until the change is stored
   * @throws ApiError `validation_failed`, `password_too_common`, `not_found`, `name_taken`,
   * `precondition_required`, `precondition_failed`, `current_password_wrong`, `too_many_requests`;
   * TokenError `token_revoked`
   */
  async change(
    id: number,
    body: PatchUser,
    caller: Caller,
    precondition: Precondition,
  ): Promise<KnownUser> {
    const current = this.currentOf(id, body, caller);
    const { password } = body;
    const newName = body.name === undefined ? undefined : nfc(body.name);
    // Refused before anything is read, if the name is known.
    if (password !== undefined && newName !== undefined) this.rules.refuse(password, newName);
    let newHash: string | undefined;
    return retry(async () => {
      const user = await this.users.findByIdWithHash(id);
      if (newName !== undefined) refuseNewName(newName, user);
      if (!user) throw new ApiError(notFound);
      const name = newName ?? user.name;
      if (password !== undefined && newName === undefined) this.rules.refuse(password, name);
      refuseUnmet(precondition, user.version);
      if (newName === undefined && password === undefined) return user;
      if (name !== user.name && (await this.users.isTaken(name, id))) throw new ApiError(nameTaken);
      const version = newVersion();
      let [verified, passwordHash] = [user, user.passwordHash];
      if (password !== undefined) {
        const result = await this.verify(user, { password, current }, caller);
        newHash ??= await this.passwords.hash(
          password,
          hashQueueKeys(caller.client, `account ${user.name}`),
        );
        verified = result.verified;
        passwordHash = result.isUnchanged ? verified.passwordHash : newHash;
      }
      const values = { name, passwordHash, version };
      if (await this.updateUser(verified, values, caller, precondition)) {
        return { ...verified, ...values };
      }
      throw new ConflictError('the user kept changing');
    });
  }

  /**
   * The current password from the body, or null if none is required: without a new password, with
   * `FLASK_COMPAT`, or if an administrator changes another user.
   */
  private currentOf(
    id: number,
    { password, current_password: current }: PatchUser,
    { token }: Caller,
  ): string | null {
    const isOwn = parseId(token.subject) === id;
    if (password !== undefined && isOwn && !this.config.flaskCompat) {
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
  private async updateUser(
    user: UserWithHash,
    values: NewUser & Pick<KnownUser, 'version'>,
    caller: Caller,
    precondition: Precondition,
  ): Promise<boolean> {
    const kept = this.config.flaskCompat ? caller.token.sessionId : null;
    return this.database.write(async () => {
      await this.accounts.requireActiveSession(caller.token);
      if (!(await this.users.updateIfUnchanged(user, values, precondition))) return false;
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
