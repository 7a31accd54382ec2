import { ApiProperty } from '@nestjs/swagger';
import { orNull } from '../../validation/integer-column.js';
import { AUDIT_EVENTS, type AuditEntry, type AuditEvent } from '../audit-entry.entity.js';

const meanings = Object.entries(AUDIT_EVENTS).map(([name, meaning]) => `\`${name}\`: ${meaning}`);

export class AuditEntryResponse {
  @ApiProperty({ type: 'integer', example: 1 })
  id: number;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T08:00:00.000Z' })
  happened_at: string;

  @ApiProperty({
    type: 'string',
    enum: Object.keys(AUDIT_EVENTS),
    description: `${meanings.join('; ')}.`,
    example: 'login',
  })
  event: AuditEvent;

  @ApiProperty({
    ...orNull({ type: 'integer' }),
    description: 'The user whose account the event is about; null for an unknown name.',
    example: 1,
  })
  user_id: number | null;

  @ApiProperty({
    ...orNull({ type: 'integer' }),
    description: 'The user whose token was used.',
    example: null,
  })
  actor_id: number | null;

  @ApiProperty({
    ...orNull({ type: 'string' }),
    example: '5b1f6f0e-2f0c-4d67-8a53-0f4f1c1b9d2e',
  })
  session_id: string | null;

  @ApiProperty({ ...orNull({ type: 'string' }), example: '203.0.113.9' })
  ip: string | null;

  @ApiProperty({
    ...orNull({ type: 'string' }),
    description: 'The `User-Agent` of the request.',
    example: 'curl/8.14.1',
  })
  user_agent: string | null;

  @ApiProperty({
    ...orNull({ type: 'string' }),
    description: 'The `X-Request-Id` of the request, by which the log can be searched.',
    example: '0b6f1f2e-9c53-4d0a-8f0e-3f7f1b1f5a10',
  })
  request_id: string | null;

  static from(entry: AuditEntry): AuditEntryResponse {
    return {
      id: entry.id,
      happened_at: new Date(entry.happenedAt).toISOString(),
      event: entry.event,
      user_id: entry.userId,
      actor_id: entry.actorId,
      session_id: entry.sessionId,
      ip: entry.ip,
      user_agent: entry.agent,
      request_id: entry.requestId,
    };
  }
}
