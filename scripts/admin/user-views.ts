import { In } from 'typeorm';
import {
  type LoginDelay,
  LoginUnlockService,
} from '../../src/auth/throttle/login-unlock.service.js';
import { Database } from '../../src/database/database.js';
import { escapeText } from '../../src/logging/escape-text.js';
import { Session } from '../../src/sessions/session.entity.js';
import { UserRole } from '../../src/users/roles/user-role.entity.js';
import { User } from '../../src/users/user.entity.js';
import type { AdminCommand, Call } from './admin-command.js';
import { userOf, withUser } from './named-user.js';
import { integerOption } from './options.js';
import { columns, type ListedRows, type Output } from './output.js';
import { openServices } from './services.js';

/** The number of users that are read at once. */
const PAGE = 500;

/** A user in a list. */
interface ListedUser {
  id: number;
  name: string;
  roles: string[];
  active_sessions: number;
  created_at: string;
}

/** Adds `user list` and `user show`. */
export function addUserViews(user: AdminCommand): void {
  user
    .command('list')
    .description('lists the users in the order of their ids')
    .option('--limit <number>', 'the number of users', integerOption(1), 100)
    .option('--after <id>', 'lists users with a greater id', integerOption(0), 0)
    .runs(listUsers);
  user
    .command('show <name>')
    .description('shows a user, and whether logins of the user are delayed')
    .runs(showUser);
}

async function listUsers({ config, options }: Call): Promise<Output> {
  const { limit, after } = options as { limit: number; after: number };
  let last = after;
  let hasMore = false;
  async function* pages(): AsyncGenerator<ListedRows> {
    const { get, close } = await openServices(config);
    try {
      for (let left = limit; left > 0; left -= PAGE) {
        const size = Math.min(PAGE, left);
        // One user more than the page tells whether there are more.
        const users = await readUsers(get(Database), last, size + 1);
        hasMore = users.length > size;
        const page = users.slice(0, size);
        yield { lines: linesOf(page, last === after), items: page };
        last = page.at(-1)?.id ?? last;
        if (!hasMore) return;
      }
    } finally {
      await close();
    }
  }
  const hint = () =>
    hasMore ? `There are more users: --after ${last} lists the next ones.` : null;
  return { pages: pages(), hint };
}

function linesOf(users: readonly ListedUser[], isFirst: boolean): string[] {
  const head = ['id', 'name', 'roles', 'active sessions', 'created at'];
  const rows = users.map(({ id, name, roles, active_sessions, created_at }) => [
    ...[String(id), escapeText(name), roles.join(', ') || '-'],
    ...[String(active_sessions), created_at],
  ]);
  return columns([head, ...rows]).slice(isFirst ? 0 : 1);
}

function readUsers(database: Database, after: number, limit: number): Promise<ListedUser[]> {
  return database.write(async (manager) => {
    const users = await manager
      .createQueryBuilder(User, 'user')
      .where('user.id > CAST(:after AS bigint)', { after })
      .orderBy('user.id')
      .limit(limit)
      .getMany();
    const ids = users.map(({ id }) => id);
    const roles = await manager.find(UserRole, {
      where: { userId: In(ids) },
      order: { role: 'ASC' },
    });
    const sessions = await manager
      .createQueryBuilder(Session, 'session')
      .select('session.subject', 'subject')
      .addSelect('COUNT(*)', 'count')
      .where({ subject: In(ids.map(String)) })
      .andWhere('session.endedAt IS NULL AND session.expiresAt > :now', { now: Date.now() })
      .groupBy('session.subject')
      .getRawMany<{ subject: string; count: number | string }>();
    const counts = new Map(sessions.map(({ subject, count }) => [subject, Number(count)]));
    return users.map(({ id, name, createdAt }) => ({
      id,
      name,
      roles: roles.filter(({ userId }) => userId === id).map(({ role }) => role),
      active_sessions: counts.get(String(id)) ?? 0,
      created_at: new Date(createdAt).toISOString(),
    }));
  });
}

async function showUser({ config, words: [name] }: Call): Promise<Output> {
  return withUser(config, name as string, async (get) => {
    const user = await userOf(get, name as string);
    const [listed] = await readUsers(get(Database), user.id - 1, 1);
    const delays = await get(LoginUnlockService).delaysOf(user);
    const json = {
      ...{ ...listed!, public_id: user.publicId },
      login_delays: delays.map(({ until, ...delay }) => ({
        ...delay,
        until: new Date(until).toISOString(),
      })),
    };
    return { text: describe(json).join('\n'), json };
  });
}

function describe({
  login_delays: delays,
  ...user
}: ListedUser & {
  public_id: string;
  login_delays: (Omit<LoginDelay, 'until'> & { until: string })[];
}): string[] {
  const logins = delays.map(({ range, until, failures }) => {
    const origin = range === null ? 'from all new ranges' : `from ${range}`;
    return `delayed until ${until} ${origin}, after ${failures} failures`;
  });
  return columns([
    ['name', escapeText(user.name)],
    ['id', String(user.id)],
    ['public id', user.public_id],
    ['roles', user.roles.join(', ') || '-'],
    ['created at', user.created_at],
    ['active sessions', String(user.active_sessions)],
    ...(logins.length === 0 ? ['not delayed'] : logins).map((text) => ['logins', text]),
  ]);
}
