import { Injectable } from '@nestjs/common';
import { AuditService } from '../../audit/audit.service.js';
import { ApiError, notFound } from '../../errors/api-error.js';
import { parseRowId } from '../../http/resource-id.js';
import { Database } from '../../database/database.js';
import type { ReadCaller } from '../../database/select.js';
import { WRITE_BATCH, WriteBatchesService } from '../../database/write-batches.service.js';
import type { Client } from '../../http/client.js';
import { SessionBatchesService } from '../../sessions/session-batches.service.js';
import { SessionRepository } from '../../sessions/session.repository.js';
import type { Session } from '../../sessions/session.entity.js';
import { TokenService } from '../../tokens/token.service.js';
import type { Token } from '../../tokens/token.js';
import { UsersService } from '../../users/users.service.js';

/**
 * The sessions of the caller. A session of another user is answered like one that does not exist.
 */
@Injectable()
export class SessionsService {
  constructor(
    private readonly sessions: SessionRepository,
    private readonly sessionBatches: SessionBatchesService,
    private readonly tokens: TokenService,
    private readonly users: UsersService,
    private readonly audit: AuditService,
    private readonly database: Database,
    private readonly batches: WriteBatchesService,
  ) {}

  list(token: Token, caller: ReadCaller): Promise<Session[]> {
    return this.sessions.listActive(token.subject, caller);
  }

  /** Revokes this one token. */
  async logout(token: Token, client: Client): Promise<void> {
    await this.database.write(async () => {
      await this.tokens.revoke(token);
      await this.audit.record('logout', { ...detailsOf(token), client });
    });
  }

  /** Ends the session of the token, which invalidates all of its tokens. */
  async endCurrent(token: Token, client: Client): Promise<void> {
    await this.database.write(async () => {
      if (token.sessionId === null) await this.tokens.revoke(token);
      else if (!(await this.sessions.end(token.sessionId))) return;
      await this.audit.record('session_ended', { ...detailsOf(token), client });
    });
  }

  /**
   * @throws ApiError `not_found`, or TokenError `token_revoked` if the session of the token has
   * ended
   */
  async end(token: Token, sessionId: string, client: Client): Promise<void> {
    // Reads first, so that requests for sessions that do not exist open no write.
    const isOwn = sessionId === token.sessionId;
    if (!isOwn && !(await this.sessions.hasActive(token.subject, sessionId))) {
      throw new ApiError(notFound);
    }
    await this.database.write(async () => {
      await this.users.requireActiveSession(token);
      if (!(await this.sessions.endOf(token.subject, sessionId))) throw new ApiError(notFound);
      await this.audit.record('session_ended', { ...detailsOf(token), sessionId, client });
    });
  }

  /**
   * Ends all sessions of the user except that of the token. With `MAX_SESSIONS` up to 250, which
   * allows 250 of each kind, one batch ends all of them. More sessions need several batches. The
   * first batch is not queued; further batches are.
   *
   * @throws TokenError `token_revoked` if the session of the token has ended
   * @throws ApiError 429 or 503 if too many batches are queued; sessions of earlier batches stay
   * ended
   */
  async endOthers(token: Token, client: Client): Promise<void> {
    // Reads first, so that a request with nothing to end opens no write.
    if (!(await this.sessions.hasOthers(token.subject, token.sessionId))) return;
    let recorded = false;
    const endBatch = () =>
      this.database.write(async () => {
        await this.users.requireActiveSession(token);
        const ended = await this.sessionBatches.endBatch(token.subject, token.sessionId);
        // Repeated requests that end no session must not fill the audit trail.
        if (ended > 0 && !recorded) {
          await this.audit.record('other_sessions_ended', { ...detailsOf(token), client });
        }
        return ended;
      });
    const owner = { group: `subject ${token.subject}`, key: `session ${token.sessionId}` };
    const more = async () => {
      const ended = await endBatch();
      // A further batch only follows a full one, which is in the audit trail by now.
      recorded = true;
      return ended === WRITE_BATCH;
    };
    if (await more()) await this.batches.run(owner, more);
  }
}

function detailsOf(token: Token) {
  return { userId: parseRowId(token.subject), token };
}
