import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AuditEntry } from '../../../../src/audit/audit-entry.entity.js';
import { UsersService } from '../../../../src/users/users.service.js';
import { noTerminal, runAdmin, runAdminOnTerminal } from '../../../support/admin.js';
import { describeUnless } from '../../../support/programs.js';
import { bootApp, type TestApp } from '../../../support/test-app.js';

// Each command is a process of its own, which takes seconds to start on a busy machine.
jest.setTimeout(60_000);

describe('npm run admin -- user create', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp({ NODE_ENV: 'production', REGISTRATION: 'closed' });
    const users = app.app.get(UsersService, { strict: false });
    await users.register({ name: 'Tarkin', password: 'you may fire when ready' }, {});
  });
  afterAll(() => app.close());

  /** There is no setting for tokens, although the service requires one in production. */
  const production = { NODE_ENV: 'production' };

  const run = (words: string[], input: string | Buffer, more: Record<string, string> = {}) =>
    runAdmin(app.database, words, { env: { ...production, ...more }, input });

  it('adds a user with the password of standard input, without a setting for tokens', async () => {
    const name = 'Mon Mothma';
    const { status, output } = await run(['user', 'create', name], 'many Bothans died\n');
    expect(output).toMatch(/^Created the user Mon Mothma with the id \d+\.\n$/);
    expect(status).toBe(0);
    const { access: token } = await app.login({ name, password: 'many Bothans died' });
    const { id } = (await app.get('/auth/me', { token })).body as { id: number };
    const [entry] = await app.sql((manager) => manager.findBy(AuditEntry, { userId: id }));
    expect(entry).toMatchObject({ event: 'user_created', actorId: null, ip: null });
  });

  it('takes the password unchanged, except for the line break at its end', async () => {
    const password = ' two\nlines with spaces ';
    await run(['user', 'create', 'spacious'], `${password}\r\n`);
    await app.login({ name: 'spacious', password });
  });

  it.each([
    ['a short password', 'ackbar', 'short', 'password: Shorter than minimum length 8.\n'],
    ['a common password', 'ackbar', 'football', 'This password is too common.'],
    ['a password that is the name', 'admiral ackbar', 'Admiral Ackbar', 'password: Must differ'],
    ['a name with spaces around it', ' ackbar', 'it is a trap', 'name: Must not begin or end'],
    [
      'a name that differs from a taken one only in case',
      'TARKIN',
      'it is a trap',
      'User already exists.\n',
    ],
    ['bytes that are not UTF-8', 'ackbar', Buffer.from([0xff, 0xfe]), 'is not UTF-8.\n'],
    ['an endless password', 'ackbar', 'x'.repeat(100_000), 'Standard input is longer'],
  ])('refuses %s with a message', async (_, name, input, sentence) => {
    const { status, output } = await run(['user', 'create', name], input);
    expect(output).toContain(sentence);
    expect(output).not.toMatch(/\n {4}at /);
    expect(status).toBe(1);
  });

  it('refuses a password that is shorter than PASSWORD_MIN_LENGTH', async () => {
    const more = { NODE_ENV: 'development', PASSWORD_MIN_LENGTH: '20' };
    const { status, output } = await run(['user', 'create', 'piett'], 'nineteen characters', more);
    expect([status, output]).toEqual([1, 'password: Shorter than minimum length 20.\n']);
  });

  it.each([[['user', 'create']], [['user', 'create', 'a', 'b']]])(
    'prints its usage for the arguments %j',
    async (words) => {
      const { status, output } = await run(words, '');
      expect(output).toMatch(/^Usage: npm run admin -- /);
      expect(status).toBe(2);
    },
  );

  it('refuses an unknown role, and names the declared ones', async () => {
    const { status, output } = await run(['user', 'roles', 'Tarkin', 'admiral'], '');
    expect([status, output]).toEqual([
      1,
      expect.stringMatching(/^There is no role admiral\. The roles are .*\badmin\b/),
    ]);
  });

  it('reports an invalid setting', async () => {
    const more = { DATABASE_URL: 'nowhere' };
    const { status, output } = await run(['user', 'create', 'piett'], 'a password', more);
    expect([status, output]).toEqual([1, expect.stringMatching(/^DATABASE_URL is invalid/)]);
  });

  describeUnless(noTerminal, 'on a terminal', () => {
    it('asks for the password on a terminal, twice and without an echo', async () => {
      const ask = async (...lines: string[]) => {
        const words = ['user', 'create', 'wedge'];
        const run = await runAdminOnTerminal(app.database, words, lines, production);
        return { status: run.status, shown: run.stdout };
      };
      const differs = await ask('a secret word', 'another secret');
      expect(differs.shown).toContain('The two passwords do not match; nothing was changed.');
      expect(differs.status).toBe(1);
      const interrupted = await ask('\u0003');
      expect(interrupted.shown).toContain('No password was entered; nothing was changed.');
      expect(interrupted.status).toBe(1);
      const { status, shown } = await ask('a secret word', 'a secret word');
      expect(shown).toMatch(/^Password: \r\nRepeat password: \r\nCreated the user wedge/);
      expect(status).toBe(0);
      await app.login({ name: 'wedge', password: 'a secret word' });
    });
  });
});
