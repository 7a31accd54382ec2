import { setTimeout as sleep } from 'node:timers/promises';
import { AuditEntry } from '../../src/audit/audit-entry.entity.js';
import { AuditEntryResponse } from '../../src/audit/dto/audit-entry-response.dto.js';
import { Database } from '../../src/database/database.js';
import { StartError } from '../../src/errors/start-error.js';
import { escapeText } from '../../src/logging/escape-text.js';
import { UsersService } from '../../src/users/users.service.js';
import type { AdminCommand, Call } from './admin-command.js';
import { integerOption } from './options.js';
import type { ListedRows, Output } from './output.js';
import { openServices, type Services } from './services.js';

/** The interval in which `--follow` reads new entries, in milliseconds. */
const INTERVAL = 1_000;
/**
 * How many ids before the latest entry are read again. On PostgreSQL a transaction may commit an entry
 * after others with greater ids.
 */
const OVERLAP = 1_000;

export function addAuditCommands(program: AdminCommand): void {
  program
    .command('audit')
    .description('shows the audit trail')
    .command('tail')
    .description('shows the latest entries, the oldest of them first')
    .option('--lines <number>', 'the number of entries', integerOption(0), 20)
    .option('-f, --follow', 'then shows new entries until it is interrupted')
    .option('--user <name>', 'only entries about this user')
    .runs(tail);
}

async function tail({ config, options }: Call): Promise<Output> {
  const { lines, user, follow } = options as { lines: number; user?: string; follow?: boolean };
  async function* pages(): AsyncGenerator<ListedRows> {
    const { get, close } = await openServices(config);
    const stopped = new AbortController();
    if (follow === true) process.once('SIGINT', () => stopped.abort());
    try {
      const read = readerOf(get, user === undefined ? null : await requireId(get, user));
      yield listed(await read.latest(lines));
      while (follow === true && !stopped.signal.aborted) {
        yield listed(await read.next());
        await sleep(INTERVAL, undefined, stopped).catch(() => undefined);
      }
    } finally {
      await close();
    }
  }
  return { pages: pages() };
}

async function requireId(get: Services, name: string): Promise<number> {
  const id = await get(UsersService).idOf(name);
  if (id === null) throw new StartError(`There is no user ${escapeText(name)}.`);
  return id;
}

/** @param userId whose entries are read; null for all */
function readerOf(get: Services, userId: number | null) {
  const database = get(Database);
  const ofUser = userId === null ? 'TRUE' : 'entry.userId = :userId';
  const parameters = userId === null ? [] : (['userId'] as const);
  const backwards = database.select<AuditEntry, 'userId' | 'lines'>({
    parameters,
    limit: 'lines',
    query: (manager) =>
      manager.createQueryBuilder(AuditEntry, 'entry').where(ofUser).orderBy('entry.id', 'DESC'),
  });
  const forwards = database.select<AuditEntry, 'userId' | 'after'>({
    parameters: [...parameters, 'after'],
    query: (manager) =>
      manager
        .createQueryBuilder(AuditEntry, 'entry')
        .where(`${ofUser} AND entry.id > :after`)
        .orderBy('entry.id'),
  });
  let shown = new Set<number>();
  let last = 0;
  const latest = async (lines: number): Promise<AuditEntry[]> => {
    // Entries that are not shown are known, too, so that they are not taken for new ones.
    const known = await backwards.all({ userId, lines: Math.max(lines, OVERLAP) });
    shown = new Set(known.map(({ id }) => id));
    last = known[0]?.id ?? 0;
    return known.slice(0, lines).reverse();
  };
  const next = async (): Promise<AuditEntry[]> => {
    const found = await forwards.all({ userId, after: Math.max(0, last - OVERLAP) });
    const entries = found.filter(({ id }) => !shown.has(id));
    shown = new Set(found.map(({ id }) => id));
    last = Math.max(last, found.at(-1)?.id ?? 0);
    return entries;
  };
  return { latest, next };
}

function listed(entries: readonly AuditEntry[]): ListedRows {
  const items = entries.map((entry) => AuditEntryResponse.from(entry));
  return { items, lines: items.map(lineOf) };
}

/** The members that have a value, with the time and the event first. */
function lineOf({ id: _id, happened_at, event, ...details }: AuditEntryResponse): string {
  const { user_id, actor_id, session_id, ip, user_agent, request_id } = details;
  const named = { user: user_id, actor: actor_id, ip, session: session_id, request: request_id };
  const words = Object.entries(named).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${escapeText(String(value))}`],
  );
  if (user_agent !== null) words.push(JSON.stringify(escapeText(user_agent)));
  return [happened_at, event, ...words].join(' ');
}
