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

/** Maximum number of repeats of one rotated token that are answered. */
const MAX_REPEATS = 50;
/**
 * Seconds, for `Retry-After`. By then the client should use the successor from an earlier response.
 */
const RETRY_AFTER = 1;

/** The sender of a repeat. */
interface Caller {
  userId: number;
  client: Client;
}

/**
 * Answers a refresh token that was already rotated. A repeat that a lost response or a parallel tab
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
   * Decides about a repeat and counts it, with the session locked. Call it within a write.
   *
   * @returns the successor; `ended` if the session has ended; `reused` if this call ended it
   * @throws ApiError `too_many_requests`, or 503 if the successor cannot be read
   */
  async answer(
    token: Token,
    sessionId: string,
    caller: Caller,
  ): Promise<Token | 'ended' | 'reused'> {
    const session = await this.sessions.lockActive(sessionId);
    if (!session) return 'ended';
    const { client } = caller;
    if (!this.isWithinGrace(session, token)) return this.endForTheft(sessionId, caller);
    // An instance whose clock is ahead, or an upgrade, has erased it.
    if (session.successor === null) throw unavailable('the successor is already erased');
    if (!isExplained(session, client)) return this.endForTheft(sessionId, caller);
    if (session.repeats >= MAX_REPEATS) throw tooManyRepeats();
    const signed = this.seal.unseal(session.successor, token);
    if (signed === null) return this.endForTheft(sessionId, caller);
    await this.recordRepeat(session, caller);
    const { header, claims } = this.tokens.decode(signed);
    return new Token(signed, header as TokenHeader, claims as Claims);
  }

  /**
   * Whether the token is the last one that was rotated and its grace period is not over. The clock
   * of another instance may be ahead by the leeway. A later timestamp means that the clock was set
   * back, and the grace period must not last until the clock reaches that time again.
   */
  private isWithinGrace({ rotatedToken, rotatedAt }: Session, token: Token): boolean {
    const { refreshGrace, jwtLeeway } = this.config;
    const age = Date.now() - (rotatedAt ?? 0);
    if (rotatedToken !== digestOf(token) || age < -jwtLeeway * 1000) return false;
    return Math.max(0, age) < refreshGrace * 1000;
  }

  /** Counts the repeat. The audit trail gets one entry for each address range and user agent. */
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

  private async endForTheft(sessionId: string, caller: Caller): Promise<'ended' | 'reused'> {
    if (!(await this.sessions.end(sessionId))) return 'ended';
    await this.audit.record('refresh_reused', { ...caller, sessionId });
    return 'reused';
  }
}

/** The address range of a client; null if its address is unknown. */
export function rangeOf({ ip }: Client): string | null {
  return ip ? addressRange(ip) : null;
}

/**
 * Whether a lost response or a parallel tab explains the repeat. Another address range is accepted
 * once, and only with the user agent that rotated the token.
 */
function isExplained(session: Session, client: Client): boolean {
  if (isFromSameRange(session, client)) return true;
  const hasSameAgent = Boolean(client.agent) && client.agent === session.rotatedByAgent;
  return hasSameAgent && !session.repeatedElsewhere;
}

function isFromSameRange({ rotatedByRange }: Session, client: Client): boolean {
  return rotatedByRange !== null && rotatedByRange === rangeOf(client);
}

/**
 * A digest of the address range and the user agent. It is short because a row may hold fifty of
 * them; a collision only costs one audit entry.
 */
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
