import { ApiProperty } from '@nestjs/swagger';
import { orNull } from '../../validation/integer-column.js';
import type { Session } from '../../sessions/session.entity.js';

/** Milliseconds. */
const HOUR = 3600_000;
const DAY = 24 * HOUR;

const example = '2026-11-22T08:00:00.000Z';

/** A session as its owner sees it. */
export class SessionResponse {
  @ApiProperty({ format: 'uuid', example: '5b1f6f0e-2f0c-4d67-8a53-0f4f1c1b9d2e' })
  id: string;

  @ApiProperty({ format: 'date-time', example })
  created_at: string;

  @ApiProperty({
    format: 'date-time',
    description:
      'Rounded down to the hour, so that it does not reveal when the session was refreshed.',
    example,
  })
  last_used_at: string;

  @ApiProperty({
    format: 'date-time',
    description: 'When the session ends unless it is refreshed before. Rounded up to the day.',
    example: '2026-12-23T00:00:00.000Z',
  })
  expires_at: string;

  @ApiProperty({
    ...orNull({ type: 'string' }),
    description: 'The `User-Agent` of the login.',
    example: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  })
  user_agent: string | null;

  @ApiProperty({
    ...orNull({ type: 'string' }),
    description: 'The address that the login came from.',
    example: '203.0.113.9',
  })
  ip: string | null;

  @ApiProperty({
    description: 'Whether this is the session of the token of the request.',
    example: true,
  })
  current: boolean;

  /**
   * Sorts by the rounded times, so that the order reveals no more than they do: by `last_used_at`,
   * then by `created_at`, the latest first.
   */
  static listFrom(sessions: readonly Session[], currentId: string | null): SessionResponse[] {
    const shown = sessions.map((session) => SessionResponse.from(session, currentId));
    const keyOf = (each: SessionResponse) => `${each.last_used_at} ${each.created_at} ${each.id}`;
    return shown.sort((one, other) => (keyOf(one) < keyOf(other) ? 1 : -1));
  }

  static from(session: Session, currentId: string | null): SessionResponse {
    const iso = (timestamp: number) => new Date(timestamp).toISOString();
    return {
      id: session.id,
      created_at: iso(session.createdAt),
      last_used_at: iso(Math.floor(session.lastUsedAt / HOUR) * HOUR),
      expires_at: iso(Math.ceil(session.expiresAt / DAY) * DAY),
      user_agent: session.agent,
      ip: session.ip,
      current: session.id === currentId,
    };
  }
}
