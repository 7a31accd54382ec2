import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { IsNull, MoreThan, Not } from 'typeorm';
import { AuditEntry } from '../../src/audit/audit-entry.entity.js';
import { AuditService } from '../../src/audit/audit.service.js';
import { AppConfig } from '../../src/config/app-config.js';
import { SessionActivityService } from '../../src/sessions/session-activity.service.js';
import { Session } from '../../src/sessions/session.entity.js';
import type { TestUser } from '../support/client.js';
import { ServiceProcess } from '../support/process.js';
import { bootApp, SECRET, type TestApp } from '../support/test-app.js';
import { createDatabase } from '../support/test-database.js';
import { freezeTime } from '../support/time.js';

const sidOf = (token: string) => (jsonwebtoken.decode(token) as { sid: string }).sid;
const activeSessionsOf = (app: TestApp, { id }: { id: number }) =>
  app.sql((manager) =>
    manager.findBy(Session, {
      subject: String(id),
      endedAt: IsNull(),
      expiresAt: MoreThan(Date.now()),
      currentToken: Not(IsNull()),
    }),
  );
describe('MAX_SESSIONS=3', () => {
  let app: TestApp;
  let user: TestUser;

  beforeAll(async () => {
    app = await bootApp({ MAX_SESSIONS: '3' });
  });
  afterAll(() => app.close());
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  const pass = (seconds: number) => freezeTime(Date.now() + seconds * 1000);
  const logins = async (count: number) => {
    const made = [];
    for (let i = 0; i < count; i++) {
      pass(1);
      made.push(await app.login(user));
    }
    return made;
  };
  const isActive = async (token: string) => (await app.get('/auth/me', { token })).status === 200;
  const states = (pairs: { access: string }[]) =>
    Promise.all(pairs.map(({ access }) => isActive(access)));

  it('ends the session that was used longest ago at a fourth login', async () => {
    freezeTime(Date.now());
    user = await app.newUser();
    const first = await logins(3);
    pass(1);
    await app.send('POST', '/auth/refresh', { token: first[0]!.refresh });
    const [fourth] = await logins(1);
    expect(await states([...first, fourth!])).toEqual([true, false, true, true]);
    const refused = await app.send('POST', '/auth/refresh', { token: first[1]!.refresh });
    expect([refused.status, refused.body.code]).toEqual([401, 'token_revoked']);
    const evicted = await app.sql((manager) =>
      manager.findBy(AuditEntry, { userId: user.id, event: 'session_evicted' }),
    );
    expect(evicted.map(({ sessionId, ip }) => [sessionId, ip])).toEqual([
      [sidOf(first[1]!.access), '127.0.0.1'],
    ]);
  });

  it('counts a use that is not written yet', async () => {
    freezeTime(Date.now());
    user = await app.newUser();
    const first = await logins(3);
    await app.app.get(SessionActivityService).write();
    pass(1);
    expect(await isActive(first[0]!.access)).toBe(true);
    const more = await logins(1);
    expect(await states([...first, ...more])).toEqual([true, false, true, true]);
  });

  it('does not count sessions that have ended or expired', async () => {
    freezeTime(Date.now());
    user = await app.newUser();
    const first = await logins(3);
    await app.send('DELETE', '/auth/logout2', { token: first[2]!.refresh });
    const [fourth] = await logins(1);
    expect(await states([...first, fourth!])).toEqual([true, true, false, true]);
    pass(31 * 24 * 3600);
    const late = await logins(3);
    expect(await states(late)).toEqual([true, true, true]);
    const events = await app.sql((manager) =>
      manager.countBy(AuditEntry, { userId: user.id, event: 'session_evicted' }),
    );
    expect(events).toBe(0);
  });

  it('ends no session of another user', async () => {
    const other = await app.newLogin();
    user = await app.newUser();
    await logins(5);
    expect(await isActive(other.access)).toBe(true);
  });

  it('ends no session at a login that fails', async () => {
    user = await app.newUser();
    const first = await logins(3);
    const trail = app.app.get(AuditService);
    const record = trail.record.bind(trail);
    jest.spyOn(trail, 'record').mockImplementation(async (event, details) => {
      if (event === 'login') throw new Error('no disk');
      return record(event, details);
    });
    await expect(app.login(user)).rejects.toThrow('500');
    expect(await states(first)).toEqual([true, true, true]);
  });

  it('still lets the owner log in from an address whose session was evicted', async () => {
    const proxied = await bootApp({ MAX_SESSIONS: '3', TRUST_PROXY: '127.0.0.1' });
    user = await proxied.newUser();
    const login = (password: string, from: string) =>
      proxied.send('POST', '/auth/login', {
        json: { username: user.name, password },
        headers: { 'x-forwarded-for': from },
      });
    for (let i = 0; i < 8; i++) await login(user.password, `198.51.${i}.1`);
    for (let i = 0; i < 50; i++) await login('wrong', `10.1.${i}.1`);
    expect((await login(user.password, '192.0.2.1')).status).toBe(429);
    expect((await login(user.password, '198.51.0.1')).status).toBe(200);
    await proxied.close();
  });
});

describe('MAX_SESSIONS', () => {
  it('limits the sessions of a user to 100 by default', async () => {
    const app = await bootApp();
    const user = await app.newUser();
    for (let i = 0; i < 103; i++) await app.login(user);
    expect(await activeSessionsOf(app, user)).toHaveLength(100);
    await app.close();
  });

  it('applies a lowered limit at the next login', async () => {
    const before = await bootApp();
    const user = await before.newUser();
    for (let i = 0; i < 10; i++) await before.login(user);
    const app = await before.restart({ MAX_SESSIONS: '2' });
    await app.login(user);
    expect(await activeSessionsOf(app, user)).toHaveLength(2);
    await app.close();
  });

  it.each(['0', '-1', '501', '1.5', 'many'])('refuses the value %s', (value) => {
    expect(() => AppConfig.from({ MAX_SESSIONS: value })).toThrow(/MAX_SESSIONS/);
  });

  it('limits concurrent logins at two processes', async () => {
    const database = await createDatabase();
    const settings = { ...database.settings, JWT_SECRET_KEY: SECRET, MAX_SESSIONS: '4' };
    const services = [ServiceProcess.spawn(settings)];
    const clients = [await services[0]!.client()];
    services.push(ServiceProcess.spawn(settings));
    clients.push(await services[1]!.client());
    const user = await clients[0]!.newUser();
    const tokens = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        return (await clients[i % 2]!.login(user)).access;
      }),
    );
    const app = await bootApp({}, { database });
    expect(await activeSessionsOf(app, user)).toHaveLength(4);
    const answers = await Promise.all(tokens.map((token) => app.get('/auth/me', { token })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(4);
    await app.app.close();
    await Promise.all(services.map((service) => service.kill('SIGKILL')));
    await database.drop();
  }, 60_000);
});
