import { integer, type ListFields, timestamp, text } from '../lists/list-field.js';
import { AuditEntry } from './audit-entry.entity.js';

/** The fields by which the audit trail can be filtered and sorted. */
export const auditFields = {
  id: integer(),
  happened_at: timestamp({ property: 'happenedAt' }),
  event: text({ max: 40 }),
  user_id: integer({ column: [AuditEntry, 'userId'], nullable: true }),
  actor_id: integer({ column: [AuditEntry, 'actorId'], nullable: true }),
  session_id: text({ nullable: true, max: 36, property: 'sessionId' }),
  ip: text({ nullable: true, max: 64 }),
  user_agent: text({ nullable: true, max: 255, property: 'agent' }),
  request_id: text({ nullable: true, max: 128, property: 'requestId' }),
} satisfies ListFields;
