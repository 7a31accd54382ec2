import { Injectable } from '@nestjs/common';
import { AuditService } from '../../audit/audit.service.js';
import { Database } from '../../database/database.js';
import { WRITE_BATCH, WriteBatchesService } from '../../database/write-batches.service.js';
import { ApiError, notFound } from '../../errors/api-error.js';
import { PasswordHasher, serviceHashQueueKeys } from '../../passwords/password-hasher.js';
import { SessionBatchesService } from '../../sessions/session-batches.service.js';
import { SessionRepository } from '../../sessions/session.repository.js';
import { PasswordRulesService } from '../passwords/password-rules.service.js';
import { type KnownUser, UserRepository } from '../user.repository.js';

/** Changes that the administrator makes on the command line, without a token. */
@Injectable()
export class UserAdministrationService {
  constructor(
    private readonly users: UserRepository,
    private readonly rules: PasswordRulesService,
    private readonly passwords: PasswordHasher,
    private readonly sessions: SessionRepository,
    private readonly sessionBatches: SessionBatchesService,
    private readonly audit: AuditService,
    private readonly database: Database,
    private readonly batches: WriteBatchesService,
  ) {}

  /**
   * Gives the user a new password, and ends every session of the user.
   *
   * @throws ApiError `not_found`; `validation_failed` and `password_too_common` for the password
   */
  async setPassword({ id, name }: KnownUser, password: string): Promise<void> {
    this.rules.refuse(password, name);
    const passwordHash = await this.passwords.hash(password, serviceHashQueueKeys());
    await this.database.write(async () => {
      // A login that verified the old password fails from here on.
      const user = (await this.users.lockUser(id))
        ? await this.users.findByIdWithHash(id)
        : undefined;
      if (!user) throw new ApiError(notFound);
      await this.users.updateIfUnchanged(user, { passwordHash });
      await this.sessions.endAll(String(id));
      await this.audit.record('password_changed', { userId: id });
    });
    await this.database.clearLog();
  }

  /**
   * Ends the active sessions of a user.
   *
   * @returns the number of sessions that were ended
   */
  endSessions(userId: number): Promise<number> {
    const subject = String(userId);
    return this.endBatches(userId, () => this.sessionBatches.endBatch(subject, null));
  }

  /**
   * Ends the active sessions of all users.
   *
   * @param onEnded receives the number of sessions that have ended so far
   * @returns the number of sessions that were ended
   */
  endAllSessions(onEnded?: (count: number) => void): Promise<number> {
    return this.endBatches(null, () => this.sessionBatches.endAnyBatch(), onEnded);
  }

  private async endBatches(
    userId: number | null,
    endBatch: () => Promise<number>,
    onEnded: (count: number) => void = () => undefined,
  ): Promise<number> {
    let count = 0;
    await this.batches.run({ group: 'command line' }, async () => {
      const ended = await this.database.write(async () => {
        const ended = await endBatch();
        if (ended > 0 && count === 0) await this.audit.record('sessions_ended', { userId });
        return ended;
      });
      count += ended;
      onEnded(count);
      return ended === WRITE_BATCH;
    });
    // The log of SQLite would keep the sealed successors of the sessions.
    await this.database.clearLog();
    return count;
  }
}
