import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { diskFinding } from '../../../scripts/admin/doctor/database-checks.js';
import { openServices } from '../../../scripts/admin/services.js';
import { AuditEntry } from '../../../src/audit/audit-entry.entity.js';
import { Database } from '../../../src/database/database.js';
import { adminJson, runAdmin, startAdmin } from '../../support/admin.js';
import { addSessions } from '../../support/many-rows.js';
import { bootApp, SECRET, type TestApp } from '../../support/test-app.js';
import { createDatabase, engine } from '../../support/test-database.js';

// Each command is a process of its own, which takes seconds to start on a busy machine.
jest.setTimeout(120_000);

const DAY = 24 * 3600_000;

describe('npm run admin -- audit tail', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp();
  });
  afterAll(() => app.close());

  it('shows the latest entries, the oldest first', async () => {
    const user = await app.newLogin();
    const words = ['audit', 'tail', '--user', user.name];
    const entries = await adminJson<{ event: string }[]>(app.database, words);
    expect(entries.map(({ event }) => event)).toEqual(['user_created', 'login']);
    const { stdout } = await runAdmin(app.database, [...words, '--lines', '1']);
    expect(stdout).toMatch(
      new RegExp(`^\\d{4}-.+Z login user=${user.id} ip=127\\.0\\.0\\.1 session=\\S+ request=\\S+`),
    );
  });

  it('escapes what a client sent', async () => {
    await app.sql((manager) =>
      manager.insert(AuditEntry, {
        ...{ happenedAt: Date.now(), event: 'login_failed', userId: null, actorId: null },
        ...{ sessionId: null, ip: null, agent: 'red \u001b[31m', requestId: null },
      }),
    );
    const { stdout } = await runAdmin(app.database, ['audit', 'tail', '--lines', '1']);
    expect(stdout).toContain('login_failed "red \\\\u{1b}[31m"');
  });

  it('prints only the error as JSON if it fails', async () => {
    const words = ['audit', 'tail', '--user', 'nobody', '--json'];
    const { status, stdout, stderr } = await runAdmin(app.database, words);
    expect([status, stdout]).toEqual([1, '']);
    expect(JSON.parse(stderr)).toEqual({ error: 'There is no user nobody.' });
  });

  it('follows new entries until it is interrupted', async () => {
    const child = startAdmin(app.database, ['audit', 'tail', '-f', '--lines', '1', '--json']);
    let output = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text));
    while (!output.includes('{')) await once(child.stdout!, 'data');
    const user = await app.newUser();
    while (!output.includes(`"user_id":${user.id}`)) await once(child.stdout!, 'data');
    child.kill('SIGINT');
    const [status] = (await once(child, 'close')) as [number];
    expect(status).toBe(0);
    const entries = JSON.parse(output) as { event: string; user_id: number }[];
    expect(entries.at(-1)).toMatchObject({ event: 'user_created', user_id: user.id });
    expect(entries.filter(({ user_id: id }) => id === user.id)).toHaveLength(1);
  });
});

describe('npm run admin -- purge', () => {
  it('removes what has expired, and counts it', async () => {
    let app = await bootApp();
    try {
      const user = await app.newLogin();
      await addSessions(app, user.id, 500);
      // A running service removes such rows itself.
      await app.app.close();
      const { get, close } = await openServices(app.config);
      await get(Database).write(async (manager) => {
        const old = Date.now() - 100 * DAY;
        await manager.query(`UPDATE sessions SET expires_at = ${old} WHERE id LIKE 'live-%'`);
        await manager.query(
          `INSERT INTO audit_entries (happened_at, event) VALUES (${old}, 'login')`,
        );
        await manager.query(
          `INSERT INTO login_failures (key, count, last_at) VALUES ('key', 1, ${old})`,
        );
      });
      await close();
      const { removed } = await adminJson<{ removed: object }>(app.database, ['purge']);
      expect(removed).toEqual({
        ...{ revoked_tokens: 0, sessions: 500, audit_entries: 1 },
        ...{ login_failures: 1, idempotency_records: 0, user_removals: 0 },
      });
      app = await app.restart();
      expect((await app.get('/auth/me', { token: user.access })).status).toBe(200);
    } finally {
      await app.close();
    }
  });
});

describe('npm run admin -- doctor', () => {
  type Findings = { check: string; status: string; message: string }[];

  const doctor = async (database: { url: string }, env: Record<string, string> = {}, cwd = '') => {
    const words = ['doctor', '--json'];
    const options = cwd === '' ? { env } : { env, cwd };
    const { status, stdout, stderr } = await runAdmin(database, words, options);
    expect(stderr).toBe('');
    const found = JSON.parse(stdout) as Findings;
    const only = (wanted: string) =>
      found.filter((finding) => finding.status === wanted).map(({ check }) => check);
    return { status, found, problems: only('problem'), warnings: only('warning') };
  };

  it('finds nothing wrong with a service in order, also while it runs', async () => {
    const app = await bootApp();
    try {
      const { status, found, problems } = await doctor(app.database, {
        ...{ NODE_ENV: 'production', JWT_SECRET_KEY: `${SECRET} 3fK9` },
        ...{ TRUST_PROXY: '10.0.0.1', PUBLIC_URL: 'https://api.example.com' },
      });
      expect(problems).toEqual([]);
      expect(status).toBe(0);
      expect([...new Set(found.map(({ check }) => check))]).toEqual([
        ...['settings', 'keys', 'permissions', 'proxy', 'database', 'migrations', 'clock'],
        ...['disk', 'sizes'],
      ]);
    } finally {
      await app.close();
    }
  });

  it('names the missing key, the proxy and entries from the future', async () => {
    const app = await bootApp();
    try {
      await app.newUser();
      if (engine === 'sqlite') {
        const later = Date.now() + DAY;
        await app.sql((manager) =>
          manager.query(`UPDATE audit_entries SET happened_at = ${later}`),
        );
      }
      const { status, problems, warnings } = await doctor(app.database, { NODE_ENV: 'production' });
      expect(problems).toEqual(engine === 'sqlite' ? ['keys', 'clock'] : ['keys']);
      expect(warnings).toEqual(expect.arrayContaining(['proxy', 'proxy']));
      expect(status).toBe(1);
    } finally {
      await app.close();
    }
  });

  it('changes nothing', async () => {
    const app = await bootApp();
    const { folder } = app.database;
    await app.app.close();
    const files = () =>
      readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mtimeMs]);
    const before = files();
    await doctor(app.database, {}, folder);
    expect(files()).toEqual(before);
    await app.database.drop();
  });

  it('reports missing migrations, and those of a later version', async () => {
    const app = await bootApp();
    try {
      await app.sql(async (manager) => {
        await manager.query(`UPDATE migrations SET name = 'Later1999999999999' WHERE id = 1`);
      });
      const { found } = await doctor(app.database);
      const messages = found.filter(({ check }) => check === 'migrations');
      expect(messages).toMatchObject([
        { status: 'problem', message: expect.stringContaining('must still run') },
        { status: 'warning', message: expect.stringContaining('Later1999999999999') },
      ]);
    } finally {
      await app.close();
    }
  });

  it('reports every invalid setting', async () => {
    const env = { PORT: 'many', JWT_LEEWAY: '1h' };
    const { status, found } = await doctor({ url: 'nowhere' }, env);
    expect(status).toBe(1);
    expect(found.map(({ message }) => message.split(' ')[0])).toEqual([
      'PORT',
      'DATABASE_URL',
      'JWT_LEEWAY:',
    ]);
  });

  it('reports a server that cannot be reached', async () => {
    const { found, problems } = await doctor({ url: 'postgres://127.0.0.1:1/none' });
    expect(problems).toEqual(['database']);
    expect(found.at(-1)!.message).toContain('ECONNREFUSED');
  });

  it('warns of a disk that is almost full', () => {
    expect(diskFinding('/data', 10e9, 1e9).status).toBe('ok');
    expect(diskFinding('/data', 0.9e9, 1e6)).toMatchObject({ status: 'warning' });
    expect(diskFinding('/data', 10e9, 6e9).message).toContain('less than twice the database');
  });

  if (engine === 'sqlite') {
    it('leaves the log of a service that was killed as it is', async () => {
      const app = await bootApp();
      const copies = mkdtempSync(join(app.database.folder, 'killed-'));
      const names = ['app.sqlite', 'app.sqlite-shm', 'app.sqlite-wal'];
      await app.newUser();
      for (const name of names) cpSync(join(app.database.folder, name), join(copies, name));
      const contents = () =>
        [names[0]!, names[2]!].map((name) => readFileSync(join(copies, name)).toString('base64'));
      const before = contents();
      const { status } = await doctor({ url: `sqlite:${join(copies, 'app.sqlite')}` });
      expect(status).toBe(0);
      expect(readdirSync(copies).sort()).toEqual(names);
      expect(contents()).toEqual(before);
      await app.close();
    });

    it('reports files that others can read', async () => {
      const app = await bootApp();
      await app.app.close();
      const { folder } = app.database;
      const secret = join(folder, 'jwt-secret');
      writeFileSync(secret, 'x'.repeat(80), { mode: 0o644 });
      writeFileSync(join(folder, '.env'), '', { mode: 0o644 });
      chmodSync(join(folder, 'app.sqlite'), 0o644);
      const { found, problems } = await doctor(app.database, {}, folder);
      expect(problems).toEqual([]);
      expect(found.filter(({ check }) => check === 'permissions')).toHaveLength(3);
      const inProduction = await doctor(app.database, { NODE_ENV: 'production' }, folder);
      expect(inProduction.problems).toEqual(expect.arrayContaining(['permissions']));
      await app.database.drop();
    });

    it.each([
      ['missing', 'does not exist'],
      ['empty', 'is empty'],
      ['damaged', 'is damaged'],
    ])('reports a file that is %s, and does not create it', async (state, message) => {
      const database = await createDatabase();
      const file = join(database.folder, 'app.sqlite');
      if (state === 'empty') writeFileSync(file, '');
      if (state === 'damaged') {
        const app = await bootApp({}, { database });
        await app.app.close();
        truncateSync(file, 20_000);
      }
      const { found } = await doctor(database, { NODE_ENV: 'production' });
      expect(found.at(-1)).toMatchObject({
        check: 'database',
        status: 'problem',
        message: expect.stringContaining(message),
      });
      expect(existsSync(file)).toBe(state !== 'missing');
      await database.drop();
    });
  }
});
