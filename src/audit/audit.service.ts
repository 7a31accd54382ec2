import { Injectable } from '@nestjs/common';
import { parseRowId } from '../http/resource-id.js';
import { type SecurityEvent, SecurityEventsService } from '../logging/security-events.service.js';
import { Database } from '../database/database.js';
import { insertRow } from '../database/statements/insert-row.js';
import { removeInBatches, type OnRemovalProgress } from '../database/remove-in-batches.js';
import type { Client } from '../http/client.js';
import type { ListQuery } from '../lists/list-query.js';
import { ListReader } from '../lists/list-reader.js';
import type { Page } from '../lists/page.js';
import type { Token } from '../tokens/token.js';
import { AuditEntry, type AuditEvent } from './audit-entry.entity.js';
import { auditFields } from './audit-fields.js';

/** The content of an entry, besides the event and its time. */
interface AuditDetails {
  /** The user whose account the entry is about; null if there is none. */
  userId?: number | null;
  /** The token that was used. */
  token?: Token;
  /** Default: the session of the token. */
  sessionId?: string | null;
  /** The client. Absent if the service or its administrator caused the event. */
  client?: Client;
}

/** Events that are also logged as warnings, because a person should look at them soon. */
const WARNED: ReadonlySet<string> = new Set<SecurityEvent>(['refresh_reused', 'refresh_repeated']);

const NO_CLIENT: Client = { ip: null, agent: null };

/**
 * Records events of accounts. Entries never contain a token, a password, or a name that a login
 * tried.
 */
@Injectable()
export class AuditService {
  private readonly lists: ListReader<AuditEntry>;

  constructor(
    private readonly database: Database,
    private readonly events: SecurityEventsService,
  ) {
    this.lists = new ListReader(database, AuditEntry, auditFields, { expensive: true });
  }

  /** Within a write, the entry is stored or rolled back together with the write. */
  async record(event: AuditEvent, details: AuditDetails): Promise<void> {
    const { userId = null, token, client = NO_CLIENT } = details;
    const actorId = token ? parseRowId(token.subject) : null;
    const { sessionId = token?.sessionId ?? null } = details;
    const entry = { event, userId, actorId, sessionId, ...client };
    await this.database.write((manager) =>
      insertRow(manager, AuditEntry, { happenedAt: Date.now(), ...entry }),
    );
    if (!WARNED.has(event)) return;
    const address = client.ip ?? 'an unknown address';
    const origin = `request ${client.requestId ?? 'none'}, from ${address}`;
    this.events.warn(
      event as SecurityEvent,
      event,
      `session ${sessionId}, user ${userId}, ${origin}`,
    );
  }

  list(query: ListQuery): Promise<Page<AuditEntry>> {
    return this.lists.page(query);
  }

  /**
   * @param timestamp milliseconds since 1970
   * @param signal stops the removal after the current batch
   */
  async removeBefore(
    timestamp: number,
    signal?: AbortSignal,
    onProgress?: OnRemovalProgress,
  ): Promise<void> {
    const old = { key: 'id', column: 'happenedAt', timestamp } as const;
    await removeInBatches(this.database, AuditEntry, old, signal, onProgress);
  }
}
