import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AuditEntry } from '../../src/audit/audit-entry.entity.js';
import { AuditRetentionService } from '../../src/audit/audit-retention.service.js';
import { AuditService } from '../../src/audit/audit.service.js';
import { Session } from '../../src/sessions/session.entity.js';
import { TokenService } from '../../src/tokens/token.service.js';
import { UserRolesService } from '../../src/users/roles/user-roles.service.js';
import type { LoggedIn } from '../support/client.js';
import { bootApp, type TestApp } from '../support/test-app.js';
import { freezeTime } from '../support/time.js';

interface Entry {
  id: number;
  happened_at: string;
  event: string;
  user_id: number | null;
  actor_id: number | null;
  session_id: string | null;
  ip: string | null;
  user_agent: string | null;
  request_id: string | null;
}

describe('The audit trail', () => {
  let app: TestApp;
  let admin: LoggedIn;

  beforeAll(async () => {
    app = await bootApp();
    admin = await app.newUser().then(async (user) => {
      await app.app.get(UserRolesService, { strict: false }).setRole(user.name, 'admin', true);
      return { ...user, ...(await app.login(user)) };
    });
  });
  afterAll(() => app.close());
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  const read = (query: string) => app.get<Entry[]>(`/api/audit?${query}`, { token: admin.access });
  const eventsOf = async ({ id }: { id: number }) =>
    (await read(`user_id=${id}`)).body.map(({ event }) => event);
  const sidOf = async ({ access }: { access: string }) => {
    const { body } = await app.get<{ claims: { sid: string } }>('/auth/token', { token: access });
    return body.claims.sid;
  };

  it('records what happened to an account, when, in which session and from where', async () => {
    const now = Date.now();
    freezeTime(now);
    const user = await app.newUser();
    const { body } = await app.send<{ access_token: string }>('POST', '/auth/login', {
      json: { username: user.name, password: user.password },
      headers: { 'user-agent': 'a test/1.0', 'x-request-id': 'login-1' },
    });
    const entries = (await read(`user_id=${user.id}&event=login`)).body;
    expect(entries).toEqual([
      {
        id: expect.any(Number),
        happened_at: new Date(now).toISOString(),
        event: 'login',
        user_id: user.id,
        actor_id: null,
        session_id: await sidOf({ access: body.access_token }),
        ip: '127.0.0.1',
        user_agent: 'a test/1.0',
        request_id: 'login-1',
      },
    ]);
  });

  it('records every event of an account', async () => {
    const user = await app.newLogin();
    const { id, name } = user;
    const json = { username: name, password: 'wrong' };
    await app.send('POST', '/auth/login', { json });
    const others = [await app.login(user), await app.login(user), await app.login(user)];
    await app.send('DELETE', '/auth/logout', { token: others[0]!.access });
    await app.send('DELETE', '/auth/logout2', { token: others[0]!.refresh });
    const other = await sidOf(others[1]!);
    await app.send('DELETE', `/auth/sessions/${other}`, { token: user.access });
    await app.send('DELETE', '/auth/sessions', { token: user.access });
    const passwords = { current_password: 'bad', new_password: 'another password' };
    await app.send('POST', '/auth/password', { token: user.access, json: passwords });
    const right = { ...passwords, current_password: user.password };
    const { body: changed } = await app.send<Record<string, string>>('POST', '/auth/password', {
      token: user.access,
      json: right,
    });
    for (const password of ['another password', 'a third one']) {
      const body = { name, password };
      await app.send('PUT', `/api/users/${id}`, { token: changed.access_token!, json: body });
    }
    await app.app.get(UserRolesService, { strict: false }).setRole(name, 'admin', true);
    const last = await app.login({ name, password: 'a third one' });
    await app.send('DELETE', `/api/users/${id}`, { token: last.access });
    expect(await eventsOf(user)).toEqual([
      'user_created',
      'login',
      'login_failed',
      'login',
      'login',
      'login',
      'logout',
      'session_ended',
      'session_ended',
      'other_sessions_ended',
      'login_failed',
      'password_changed',
      'login',
      'password_changed',
      'admin_granted',
      'login',
      'user_deleted',
    ]);
    const [ended] = (await read(`session_id=${other}&event=session_ended`)).body;
    expect([ended!.user_id, ended!.actor_id]).toEqual([id, id]);
  });

  it('records the reuse of a rotated refresh token', async () => {
    const user = await app.newLogin();
    const refresh = (token: string) =>
      app.send<{ refresh_token: string }>('POST', '/auth/refresh', { token });
    await refresh((await refresh(user.refresh)).body.refresh_token);
    expect((await refresh(user.refresh)).status).toBe(401);
    const [entry, ...more] = (await read(`user_id=${user.id}&event=refresh_reused`)).body;
    expect(more).toEqual([]);
    expect(entry).toMatchObject({ session_id: await sid(user), ip: '127.0.0.1' });
  });
  const sid = async ({ id }: LoggedIn) =>
    (await app.sql((manager) => manager.findOneByOrFail(Session, { subject: String(id) }))).id;

  it('records nothing if no session was ended', async () => {
    const user = await app.newLogin();
    expect((await app.send('DELETE', '/auth/sessions', { token: user.access })).status).toBe(204);
    expect(await eventsOf(user)).toEqual(['user_created', 'login']);
  });

  it('records the end of a session once, however often it is requested', async () => {
    const user = await app.newLogin();
    const end = () => app.send('DELETE', '/auth/logout2', { token: user.refresh });
    await Promise.all(Array.from({ length: 20 }, end));
    expect(await eventsOf(user)).toEqual(['user_created', 'login', 'session_ended']);
  });

  it('records events of tokens whose subject cannot be a user', async () => {
    const tokens = app.app.get(TokenService);
    for (const subject of ['3000000000', '9007199254740991', 'a machine']) {
      const { signed } = await tokens.createAccessToken(subject);
      expect((await app.send('DELETE', '/auth/logout', { token: signed })).status).toBe(200);
      const refresh = await tokens.createRefreshToken(subject);
      const answer = await app.send('DELETE', '/auth/logout2', { token: refresh.signed });
      expect(answer.status).toBe(200);
    }
    const last = (await read('event=logout&sort=-id&limit=1')).body;
    expect(last[0]).toMatchObject({ user_id: null, actor_id: null, session_id: null });
  });

  it('records the creation of the example users', async () => {
    const [entry] = (await read('user_id=1')).body;
    expect(entry).toMatchObject({ event: 'user_created', actor_id: null, ip: null });
  });

  it('records who acted on another user', async () => {
    const user = await app.newUser();
    await app.send('DELETE', `/api/users/${user.id}`, { token: admin.access });
    const [entry] = (await read(`user_id=${user.id}&event=user_deleted`)).body;
    expect(entry).toMatchObject({ actor_id: admin.id, session_id: await sidOf(admin) });
  });

  it('records logins with an unknown name, but not the name', async () => {
    const json = { username: 'my password, in the wrong field', password: 'x' };
    await app.send('POST', '/auth/login', { json });
    const { body, text } = await read('event=login_failed&sort=-id&limit=1');
    expect(body[0]).toMatchObject({ user_id: null, ip: '127.0.0.1' });
    expect(text).not.toContain('wrong field');
  });

  it('stores neither tokens nor passwords', async () => {
    const user = await app.newLogin();
    await app.send('DELETE', '/auth/logout', { token: user.access });
    const dump = JSON.stringify(await app.sql((manager) => manager.find(AuditEntry)));
    for (const secret of [user.password, user.access, user.refresh, user.access.split('.')[2]!]) {
      expect(dump).not.toContain(secret);
    }
  });

  it('stores an entry and what it records in one write, or neither of them', async () => {
    const user = await app.newLogin();
    const trail = app.app.get(AuditService);
    jest.spyOn(trail, 'record').mockRejectedValue(new Error('no disk'));
    const failed = [
      await app.send('DELETE', '/auth/logout2', { token: user.refresh }),
      await app.send('DELETE', `/api/users/${user.id}`, { token: user.access }),
      await app.send('POST', '/api/users', { json: { name: 'never', password: 'secret' } }),
    ];
    expect(failed.map(({ status }) => status)).toEqual([500, 500, 500]);
    jest.restoreAllMocks();
    expect((await app.get('/auth/me', { token: user.access })).status).toBe(200);
    expect((await app.get('/api/users?name=never')).body).toEqual([]);
  });

  it('shows the trail only to administrators', async () => {
    const user = await app.newLogin();
    const { status, body } = await app.get('/api/audit', { token: user.access });
    expect([status, body.code]).toEqual([403, 'scope_required']);
  });

  it('pages, sorts and filters the trail like any other list', async () => {
    const first = await read('limit=2&sort=-happened_at,event');
    expect(first.body).toHaveLength(2);
    const [, next = ''] = /<(.+)>; rel="next"/.exec(first.headers.get('link') ?? '') ?? [];
    const second = await app.get<Entry[]>(next.slice(app.url.length), { token: admin.access });
    const ids = [...first.body, ...second.body].map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
    const { happened_at } = first.body[0]!;
    const same = (await read(`happened_at=${encodeURIComponent(happened_at)}`)).body;
    expect(same.map((entry) => entry.id)).toContain(first.body[0]!.id);
    const fields = ['id', 'user_id', 'actor_id', 'session_id', 'ip', 'user_agent', 'request_id'];
    for (const field of fields) {
      const { status, body } = await read(`sort=-${field}`);
      expect([field, status]).toEqual([field, 200]);
      expect(body.length).toBeGreaterThan(0);
    }
    for (const bad of ['happened_at=yesterday', 'happened_at=2026-13-01T00:00:00Z', 'what=1']) {
      expect((await read(bad)).status).toBe(400);
    }
  });

  it('deletes entries that are older than AUDIT_RETENTION', async () => {
    const now = Date.now();
    const user = await app.newUser();
    const retention = app.app.get(AuditRetentionService);
    freezeTime(now + 89 * 24 * 3600_000);
    await retention.removeOld();
    const left = () => app.sql((manager) => manager.countBy(AuditEntry, { userId: user.id }));
    expect(await left()).toBe(1);
    freezeTime(now + 91 * 24 * 3600_000);
    await retention.removeOld();
    expect(await left()).toBe(0);
  });
});
