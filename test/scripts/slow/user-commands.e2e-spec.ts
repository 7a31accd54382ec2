import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { openServices } from '../../../scripts/admin/services.js';
import { AuditEntry } from '../../../src/audit/audit-entry.entity.js';
import { NO_PRECONDITION } from '../../../src/database/versions/precondition.js';
import { UsersService } from '../../../src/users/users.service.js';
import { adminJson, noTerminal, runAdmin, runAdminOnTerminal } from '../../support/admin.js';
import { describeUnless } from '../../support/programs.js';
import { bootFixtureApp } from '../../support/fixture-app.js';
import { FixtureModule } from '../../support/fixture/fixture.module.js';
import { addScrolls, addSessions } from '../../support/many-rows.js';
import type { TestApp } from '../../support/test-app.js';

// Each command is a process of its own, which takes seconds to start on a busy machine.
jest.setTimeout(120_000);

describe('npm run admin -- user', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootFixtureApp();
  });
  afterAll(() => app.close());

  const run = (words: string[], input?: string) =>
    runAdmin(app.database, words, input === undefined ? {} : { input });
  const json = <T>(...words: string[]) => adminJson<T>(app.database, words);
  const statusOf = async (token: string) => (await app.get('/auth/me', { token })).status;
  const eventsOf = async (userId: number) => {
    const entries = await app.sql((manager) => manager.findBy(AuditEntry, { userId }));
    return entries.map(({ event }) => event);
  };
  const failLogins = async (name: string, count: number) => {
    for (let i = 0; i < count; i++) {
      await app.send('POST', '/auth/login', { json: { username: name, password: 'wrong one' } });
    }
  };
  const loginStatus = async ({ name, password }: { name: string; password: string }) =>
    (await app.send('POST', '/auth/login', { json: { username: name, password } })).status;

  it('lists users page by page, with their roles and active sessions', async () => {
    const users = [await app.newLogin('admin'), await app.newLogin(), await app.newUser()];
    const before = users[0]!.id - 1;
    const list = await json<object[]>('user', 'list', '--after', String(before));
    expect(list).toMatchObject([
      { id: users[0]!.id, name: users[0]!.name, roles: ['admin'], active_sessions: 1 },
      { id: users[1]!.id, roles: [], active_sessions: 1 },
      { id: users[2]!.id, roles: [], active_sessions: 0 },
    ]);
    const words = ['user', 'list', '--after', String(before), '--limit', '2'];
    const { status, stdout, stderr } = await run(words);
    expect(stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(stdout).toMatch(/^id +name +roles +active sessions +created at\n/);
    expect(stderr).toBe(`There are more users: --after ${users[1]!.id} lists the next ones.\n`);
    expect(status).toBe(0);
  });

  it('escapes a name that would change what a terminal shows', async () => {
    const name = 'red \u001b[31m';
    await app.sql((manager) =>
      manager.query(
        `INSERT INTO users (name, name_key, password_hash, admin, public_id, created_at)
         VALUES ('${name}', '${name}', '', FALSE, 'escape', 0)`,
      ),
    );
    const { stdout } = await run(['user', 'show', name]);
    expect(stdout).toMatch(/^name +red \\u\{1b\}\[31m\n/);
    expect(await json('user', 'show', name)).toMatchObject({ name });
  });

  it('sets a password by the rules, and ends all sessions of the user', async () => {
    const user = await app.newLogin();
    const refused = await runAdmin(app.database, ['user', 'set-password', user.name], {
      input: user.name,
      env: { FLASK_COMPAT: 'false' },
    });
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining('password: Must differ'),
    ]);
    expect(await statusOf(user.access)).toBe(200);
    const { status, stdout } = await run(['user', 'set-password', user.name], 'a new password\n');
    expect([status, stdout]).toEqual([
      0,
      `Changed the password of ${user.name}, and ended all sessions.\n`,
    ]);
    expect(await statusOf(user.access)).toBe(401);
    expect(await loginStatus({ name: user.name, password: 'a new password' })).toBe(200);
    expect(await loginStatus(user)).toBe(401);
    expect(await eventsOf(user.id)).toContain('password_changed');
  });

  it('ends the sessions of one user, more than one batch of them', async () => {
    const [user, other] = [await app.newLogin(), await app.newLogin()];
    await addSessions(app, user.id, 1200);
    expect(await json('user', 'end-sessions', user.name)).toEqual({
      id: user.id,
      name: user.name,
      ended_sessions: 1201,
    });
    expect([await statusOf(user.access), await statusOf(other.access)]).toEqual([401, 200]);
    expect((await eventsOf(user.id)).filter((event) => event === 'sessions_ended')).toHaveLength(1);
  });

  it('shows that logins are delayed, and unlocks them', async () => {
    const [user, other] = [await app.newUser(), await app.newUser()];
    for (const { name } of [user, other]) await failLogins(name, 5);
    expect(await loginStatus(user)).toBe(429);
    const shown = await json<{ login_delays: object[] }>('user', 'show', user.name);
    expect(shown.login_delays).toEqual([
      { range: '127.0.0', until: expect.any(String), failures: 5 },
    ]);
    const { stdout } = await run(['user', 'unlock', user.name]);
    expect(stdout).toContain('can log in at once');
    expect(await loginStatus(user)).toBe(200);
    expect(await loginStatus(other)).toBe(429);
    expect(await json('user', 'unlock', user.name)).toMatchObject({ unlocked: false });
    expect(await eventsOf(user.id)).toContain('login_unlocked');
  });

  it('unlocks a user whose total of failures delays logins from everywhere', async () => {
    const user = await app.newUser();
    await failLogins(user.name, 1);
    await app.sql((manager) => manager.query('UPDATE login_failures SET count = 60'));
    const shown = await json<{ login_delays: object[] }>('user', 'show', user.name);
    expect(shown.login_delays).toContainEqual(expect.objectContaining({ range: null }));
    await json('user', 'unlock', user.name);
    expect(await loginStatus(user)).toBe(200);
  });

  it('deletes a user only if that is confirmed, and never the last administrator', async () => {
    const user = await app.newLogin();
    const refused = await run(['user', 'delete', user.name]);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('Add --yes')]);
    expect(await statusOf(user.access)).toBe(200);
    expect(await json('user', 'delete', user.name, '--yes')).toEqual({
      id: user.id,
      name: user.name,
    });
    expect(await statusOf(user.access)).toBe(401);
    expect(await eventsOf(user.id)).toContain('user_deleted');
    const admins = (await json<{ name: string; roles: string[] }[]>('user', 'list')).filter(
      ({ roles }) => roles.includes('admin'),
    );
    const results = [];
    for (const { name } of admins) results.push(await run(['user', 'delete', name, '--yes']));
    expect(results.at(-1)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('The last administrator'),
    });
  });

  it('deletes the rows that features have for a user', async () => {
    const user = await app.newUser();
    await addScrolls(app, user.id, 1100);
    const { get, close } = await openServices(app.config, [FixtureModule]);
    await get(UsersService).remove(user.id, NO_PRECONDITION);
    await close();
    const sql = `SELECT COUNT(*) AS count FROM scrolls WHERE user_id = ${user.id}`;
    const [row] = await app.sql((manager) => manager.query<{ count: number }[]>(sql));
    expect(Number(row?.count)).toBe(0);
  });

  it('ends the sessions of all users if that is confirmed', async () => {
    const users = [await app.newLogin(), await app.newLogin()];
    expect((await run(['sessions', 'end-all'])).status).toBe(1);
    expect(await statusOf(users[0]!.access)).toBe(200);
    const { ended_sessions: ended } = await json<{ ended_sessions: number }>(
      ...['sessions', 'end-all', '--yes'],
    );
    expect(ended).toBeGreaterThan(1);
    for (const { access } of users) expect(await statusOf(access)).toBe(401);
  });

  it.each([['show'], ['set-password'], ['end-sessions'], ['unlock'], ['delete'], ['roles']])(
    'reports a user that does not exist: user %s',
    async (verb) => {
      const { status, stdout, stderr } = await run(
        ['user', verb, 'nobody', '--json'],
        'a password',
      );
      expect([status, stdout]).toEqual([1, '']);
      expect(JSON.parse(stderr)).toEqual({ error: 'There is no user nobody.' });
    },
  );

  it.each([
    [['user', 'list', '--limit', '0']],
    [['user', 'list', 'leia']],
    [['user', 'show', '--all']],
    [['user', 'roles', 'leia', 'admin', '--none']],
    [['user', 'rename', 'leia']],
    [['user']],
    [['sessions']],
    [[]],
  ])('refuses the arguments %j with the exit code 2', async (words) => {
    const { status, stdout, stderr } = await run(words);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^Usage: npm run admin -- /);
  });

  it.each([[['--help']], [['user', '--help']], [['user', 'delete', '--help']]])(
    'prints its help for %j',
    async (words) => {
      const { status, stdout, stderr } = await run(words);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^Usage: npm run admin -- /);
    },
  );

  describeUnless(noTerminal, 'on a terminal', () => {
    it('asks on a terminal before it deletes a user', async () => {
      const user = await app.newUser();
      const answer = (line: string) =>
        runAdminOnTerminal(app.database, ['user', 'delete', user.name], [line]);
      const refused = await answer('yes');
      expect([refused.status, refused.output]).toEqual([
        1,
        expect.stringContaining('Not confirmed'),
      ]);
      const { status, output } = await answer(user.name);
      expect([status, output]).toEqual([0, expect.stringContaining('Deleted the user')]);
    });
  });
});
