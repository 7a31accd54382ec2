import { timestamp } from '../lists/list-field.js';
import { listFields } from '../lists/list-fields.js';
import { AuditEntry } from './audit-entry.entity.js';

/** The fields by which the audit trail can be filtered and sorted. */
export const auditFields = {
  ...listFields(AuditEntry, [
    'id',
    'event',
    'user_id',
    'actor_id',
    'session_id',
    'ip',
    'user_agent',
    'request_id',
  ]),
  happened_at: timestamp({ property: 'happenedAt' }),
};
