import { AuditRetentionService } from '../../src/audit/audit-retention.service.js';
import { LoginThrottleService } from '../../src/auth/throttle/login-throttle.service.js';
import type { OnRemovalProgress } from '../../src/database/remove-in-batches.js';
import { IdempotencyRecordRepository } from '../../src/idempotency/idempotency-record.repository.js';
import { ExpiryService } from '../../src/sessions/expiry.service.js';
import { SuccessorErasureService } from '../../src/sessions/successor-erasure.service.js';
import { UserRemovalsService } from '../../src/users/user-removals.service.js';
import type { AdminCommand, Call } from './admin-command.js';
import { columns, type Output } from './output.js';
import { showProgress } from './progress.js';
import { type Services, withServices } from './services.js';

export function addPurgeCommand(program: AdminCommand): void {
  program
    .command('purge')
    .description('removes expired rows now, as the service does every 15 minutes')
    .runs(purge);
}

async function purge({ config, isJson }: Call): Promise<Output> {
  const progress = showProgress(isJson);
  const removed: Record<string, number> = {};
  try {
    await withServices(config, (get) =>
      removeAll(get, ({ table, removed: count, total }) => {
        removed[table] = count;
        progress.update(table, count, total);
      }),
    );
  } finally {
    progress.stop();
  }
  const rows = Object.entries(removed).map(([table, count]) => [table, String(count)]);
  return { text: columns([['table', 'removed rows'], ...rows]).join('\n'), json: { removed } };
}

/** Does what the periodic jobs of these services do. */
async function removeAll(get: Services, onProgress: OnRemovalProgress): Promise<void> {
  await get(ExpiryService).removeExpired(undefined, onProgress);
  await get(AuditRetentionService).removeOld(undefined, onProgress);
  await get(LoginThrottleService).removeOld(undefined, onProgress);
  await get(IdempotencyRecordRepository).removeAllExpired(undefined, onProgress);
  await get(SuccessorErasureService).eraseOverdue();
  const table = 'user_removals';
  onProgress({ table, removed: 0, total: 0 });
  await get(UserRemovalsService).finishAll((removed, total) =>
    onProgress({ table, removed, total }),
  );
}
