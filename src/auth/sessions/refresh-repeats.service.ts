import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AuditService } from '../../audit/audit.service.js';
import { ApiError, tooManyRequests, unavailable } from '../../errors/api-error.js';
import { AppConfig } from '../../config/app-config.js';
import { addressRange } from '../../http/client-address.js';
import type { Client } from '../../http/client.js';
import { digestOf } from '../../sessions/sealed-token.js';
import { SessionRepository } from '../../sessions/session.repository.js';
import type { Session } from '../../sessions/session.entity.js';
import { SuccessorSealService } from '../../sessions/successor-seal.service.js';
import { TokenService } from '../../tokens/token.service.js';
import { type Claims, Token, type TokenHeader } from '../../tokens/token.js';

/** Repeats of one rotated token that are answered at most. */
const MAX_REPEATS = 50;
/** Seconds. The successor is known to the client by then; a later repeat would be theft. */
const RETRY_AFTER = 1;

/** The sender of a repeat. */
interface Caller {
  userId: number;
  client: Client;
}

/**
 * Answers a refresh token that was already rotated. A repeat that a lost answer or a parallel tab
 * explains gets the successor; any other repeat is theft and ends the session (RFC 9700, section
 * 4.14.2). See docs/decisions/0011-refresh-tokens.md.
 */
@Injectable()
export class RefreshRepeatsService {
  constructor(
    private readonly tokens: TokenService,
    private readonly sessions: SessionRepository,
    private readonly seal: SuccessorSealService,
    private readonly audit: AuditService,
    private readonly config: AppConfig,
  ) {}

  /**
   * Within a write, which decides and counts with the session locked.
   *
   * @returns the successor, or null if the session has ended or ends now
   * @throws ApiError `too_many_requests`, or 503 if the successor cannot be read at present
   */
  async answer(token: Token, sessionId: string, caller: Caller): Promise<Token | null> {
    const session = await this.sessions.lockActive(sessionId);
    if (!session) return null;
    const { client } = caller;
    if (!this.isInTime(session, token)) return this.endForTheft(sessionId, caller);
    // Erased by an instance whose clock is ahead, or by an upgrade.
    if (session.successor === null) throw unavailable('the successor is erased already');
    if (!isExplained(session, client)) return this.endForTheft(sessionId, caller);
    if (session.repeats >= MAX_REPEATS) throw tooManyRepeats();
    const signed = this.seal.unseal(session.successor, token);
    if (signed === null) return this.endForTheft(sessionId, caller);
    await this.recordRepeat(session, caller);
    const { header, claims } = this.tokens.decode(signed);
    return new Token(signed, header as TokenHeader, claims as Claims);
  }

  /**
   * The successor is current only while the token is the one that was rotated last. Another instance's
   * clock may be ahead by the leeway. If the token was rotated later than that, the clock was set back,
   * and the grace period must not last until the clock reaches that time again.
   */
  private isInTime({ rotatedToken, rotatedAt }: Session, token: Token): boolean {
    const { refreshGrace, jwtLeeway } = this.config;
    const age = Date.now() - (rotatedAt ?? 0);
    if (rotatedToken !== digestOf(token) || age < -jwtLeeway * 1000) return false;
    return Math.max(0, age) < refreshGrace * 1000;
  }

  /** Counts the repeat, and records it unless the trail has one from there already. */
  private async recordRepeat(session: Session, { userId, client }: Caller): Promise<void> {
    const { id: sessionId, repeats, repeatedElsewhere, repeatedBy } = session;
    const [recorded, origin] = [repeatedBy ?? [], originOf(client)];
    const isNew = !recorded.includes(origin);
    await this.sessions.recordRepeat(sessionId, {
      repeats: repeats + 1,
      repeatedElsewhere: repeatedElsewhere || !isFromSameRange(session, client),
      repeatedBy: isNew ? [...recorded, origin] : recorded,
    });
    if (isNew) await this.audit.record('refresh_repeated', { userId, sessionId, client });
  }

  private async endForTheft(sessionId: string, caller: Caller): Promise<null> {
    if (!(await this.sessions.end(sessionId))) return null;
    await this.audit.record('refresh_reused', { ...caller, sessionId });
    return null;
  }
}

/** The range of a request that may repeat what it did; null if its address is unknown. */
export function rangeOf({ ip }: Client): string | null {
  return ip ? addressRange(ip) : null;
}

/** Another range is accepted once, and only with the user agent that rotated the token. */
function isExplained(session: Session, client: Client): boolean {
  if (isFromSameRange(session, client)) return true;
  const hasSameAgent = Boolean(client.agent) && client.agent === session.rotatedByAgent;
  return hasSameAgent && !session.repeatedElsewhere;
}

function isFromSameRange({ rotatedByRange }: Session, client: Client): boolean {
  return rotatedByRange !== null && rotatedByRange === rangeOf(client);
}

/** Short, since fifty of them fit into a row; a collision costs one entry of the trail. */
function originOf(client: Client): string {
  const origin = JSON.stringify([rangeOf(client), client.agent]);
  return createHash('sha256').update(origin).digest('base64url').slice(0, 16);
}

function tooManyRepeats(): ApiError {
  return new ApiError(tooManyRequests, {
    message: 'Use the refresh token of an earlier answer.',
    headers: { 'retry-after': String(RETRY_AFTER) },
    cause: 'a rotated refresh token was repeated too often',
  });
}
