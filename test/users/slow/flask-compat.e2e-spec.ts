import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import argon2 from 'argon2';
import { AuditEntry } from '../../../src/audit/audit-entry.entity.js';
import { LoginFailure } from '../../../src/auth/throttle/login-failure.entity.js';
import { buildDocument } from '../../../src/openapi/document.js';
import { TokenService } from '../../../src/tokens/token.service.js';
import { UserRolesService } from '../../../src/users/roles/user-roles.service.js';
import type { LoggedIn, SendOptions } from '../../support/client.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

const production = { NODE_ENV: 'production' };
const MISSING = ['Missing data for required field.'];

let app: TestApp;

afterEach(() => {
  jest.restoreAllMocks();
});

const setAdmin = (name: string) =>
  app.app.get(UserRolesService, { strict: false }).setRole(name, 'admin', true);
const works = async (token: string) => (await app.get('/auth/me', { token })).status === 200;
const put = (user: LoggedIn, json: unknown, id: number = user.id) =>
  app.send('PUT', `/api/users/${id}`, { token: user.access, json });
const eventsOf = async ({ id }: { id: number }) => {
  const entries = await app.sql((manager) => manager.findBy(AuditEntry, { userId: id }));
  return entries.sort((a, b) => a.id - b.id);
};

async function newAdmin(): Promise<LoggedIn> {
  const user = await app.newUser();
  await setAdmin(user.name);
  return { ...user, ...(await app.login(user)) };
}

/** @returns how often a request verifies and hashes passwords, and its response */
async function workOf(request: () => ReturnType<typeof put>) {
  const [verify, hash] = [jest.spyOn(argon2, 'verify'), jest.spyOn(argon2, 'hash')];
  verify.mockClear();
  hash.mockClear();
  const { status, text } = await request();
  return { verifications: verify.mock.calls.length, hashes: hash.mock.calls.length, status, text };
}

describe.each([
  ['development, where it is the default', {}],
  ['production', { ...production, FLASK_COMPAT: 'true' }],
])('FLASK_COMPAT=true in %s', (_, env) => {
  beforeAll(async () => {
    app = await bootApp(env);
  });
  afterAll(() => app.close());

  it('lists users to everybody', async () => {
    const user = await app.newUser();
    const { id, name } = user;
    expect((await app.get('/api/users?limit=1000')).body).toContainEqual({ id, name });
    expect((await app.get(`/api/users/${id}`)).body).toEqual({ id, name });
  });

  it('ends the other sessions after a PUT with another password, but not that of the request', async () => {
    const user = await app.newLogin();
    const other = await app.login(user);
    const json = { name: user.name, password: 'another password' };
    expect((await put(user, json)).status).toBe(200);
    expect([await works(user.access), await works(other.access)]).toEqual([true, false]);
    expect((await app.send('POST', '/auth/refresh', { token: user.refresh })).status).toBe(200);
  });

  it('ends no session after a PUT with the same password', async () => {
    const user = await app.newLogin();
    const other = await app.login(user);
    await put(user, { name: `${user.name} again`, password: user.password });
    expect([await works(user.access), await works(other.access)]).toEqual([true, true]);
  });

  it('verifies once and hashes once for a PUT, whatever the password is', async () => {
    const user = await app.newLogin();
    for (const password of [user.password, 'another password', 'a third password']) {
      const { verifications, hashes, status } = await workOf(() =>
        put(user, { name: user.name, password }),
      );
      expect({ verifications, hashes, status }).toEqual({
        verifications: 1,
        hashes: 1,
        status: 200,
      });
    }
  });

  it('hashes nothing for a PUT with a name that is taken, and answers a guess like the right password', async () => {
    const user = await app.newLogin();
    const { name } = await app.newUser();
    const answers = [];
    for (const password of [user.password, 'a wrong guess']) {
      answers.push(await workOf(() => put(user, { name: name.toUpperCase(), password })));
    }
    expect(answers[0]).toMatchObject({ verifications: 0, hashes: 0, status: 400 });
    expect(answers[0]!.text).toContain('"name_taken"');
    expect(answers[1]).toEqual(answers[0]);
    await app.login(user);
  });

  it('counts no PUT as a failed login, even after five changes of the password', async () => {
    const user = await app.newLogin();
    for (let i = 0; i < 5; i++) {
      user.password = `password number ${i}`;
      expect((await put(user, bodyOf(user))).status).toBe(200);
    }
    await app.login(user);
    for (let i = 5; i < 10; i++) {
      user.password = `password number ${i}`;
      expect((await put(user, bodyOf(user))).status).toBe(200);
      Object.assign(user, await app.login(user));
    }
    expect(await app.sql((manager) => manager.count(LoginFailure))).toBe(0);
    expect((await eventsOf(user)).map(({ event }) => event)).not.toContain('login_failed');
  });

  it('refuses current_password as an unknown field', async () => {
    const user = await app.newLogin();
    const json = { ...bodyOf(user), current_password: user.password };
    const { status, body } = await put(user, json);
    expect([status, body.message]).toEqual([400, { current_password: ['Unknown field.'] }]);
  });

  it('describes FLASK_COMPAT=true in the OpenAPI document', () => {
    const document = buildDocument(app.app, app.config);
    expect(document.paths['/api/users']!.get!.security).toEqual([]);
    expect(document.components!.schemas!.ReplaceUser).not.toHaveProperty(
      'properties.current_password',
    );
  });
});

const bodyOf = ({ name, password }: LoggedIn) => ({ name, password });

describe('Common passwords in a PUT with FLASK_COMPAT', () => {
  it('refuses a common password in production before it hashes, even the correct one', async () => {
    const password = 'football';
    app = await bootApp();
    const user = await app.newUser(password);
    app = await app.restart({ ...production, FLASK_COMPAT: 'true' });
    const login = { ...user, ...(await app.login(user)) };
    for (const guess of [password, 'baseball']) {
      const work = await workOf(() => put(login, { name: user.name, password: guess }));
      expect(work).toMatchObject({ verifications: 0, hashes: 0, status: 400 });
      expect(work.text).toContain('"password_too_common"');
    }
    await app.close();
  });
});

describe.each([
  ['production, where it is the default', production],
  ['development', { FLASK_COMPAT: 'false' }],
])('FLASK_COMPAT=false in %s', (_, env) => {
  let admin: LoggedIn;

  beforeAll(async () => {
    app = await bootApp({ ...env, TRUST_PROXY: '127.0.0.1' });
    admin = await newAdmin();
  });
  afterAll(() => app.close());

  const codeOf = async (method: string, path: string, options: SendOptions = {}) => {
    const { status, body } = await app.send(method, path, options);
    return [status, body?.code];
  };

  it('lists users to administrators only', async () => {
    const user = await app.newLogin();
    expect(await codeOf('GET', '/api/users')).toEqual([401, 'token_missing']);
    expect((await app.send('HEAD', '/api/users')).status).toBe(401);
    expect(await codeOf('GET', '/api/users', { token: 'x' })).toEqual([401, 'token_invalid']);
    const { refresh, access } = user;
    expect(await codeOf('GET', '/api/users', { token: refresh })).toEqual([
      422,
      'wrong_token_type',
    ]);
    const refused = await app.get('/api/users?nonsense=1', { token: access });
    expect([refused.status, refused.body]).toEqual([
      403,
      { statusCode: 403, code: 'scope_required', error: 'Missing required scope(s)' },
    ]);
    expect(refused.headers.get('www-authenticate')).toContain('error="insufficient_scope"');
    const { status, body } = await app.get<unknown[]>('/api/users?limit=1000', {
      token: admin.access,
    });
    expect(status).toBe(200);
    expect(body).toContainEqual({ id: user.id, name: user.name });
  });

  it('shows a user only to that user and administrators, and tells no other user which ids exist', async () => {
    const user = await app.newLogin();
    const [own, other, none] = [user.id, admin.id, 999_999].map((id) => `/api/users/${id}`);
    const { access: token } = user;
    expect((await app.get(own!, { token })).body).toEqual({ id: user.id, name: user.name });
    expect(await codeOf('GET', other!, { token })).toEqual([403, 'scope_required']);
    expect(await codeOf('GET', none!, { token })).toEqual([403, 'scope_required']);
    expect(await codeOf('GET', own!)).toEqual([401, 'token_missing']);
    expect(await codeOf('GET', none!)).toEqual([401, 'token_missing']);
    expect((await app.get(own!, { token: admin.access })).status).toBe(200);
    expect(await codeOf('GET', none!, { token: admin.access })).toEqual([404, 'not_found']);
    await app.send('DELETE', '/auth/logout', { token });
    expect(await codeOf('GET', own!, { token })).toEqual([401, 'token_revoked']);
  });

  it('changes no user without their current password', async () => {
    const user = await app.newLogin();
    const json = { name: `${user.name} x`, password: 'another password' };
    const missing = await put(user, json);
    expect([missing.status, missing.body.code, missing.body.message]).toEqual([
      400,
      'validation_failed',
      { current_password: MISSING },
    ]);
    for (const [current_password, message] of [
      [null, 'Field may not be null.'],
      [1, 'Not a valid string.'],
    ]) {
      const { body } = await put(user, { ...json, current_password });
      expect(body.message).toEqual({ current_password: [message] });
    }
    const wrong = await workOf(() => put(user, { ...json, current_password: 'wrong' }));
    expect(wrong).toMatchObject({ verifications: 1, hashes: 0, status: 400 });
    expect(wrong.text).toContain('"current_password_wrong"');
    await app.login(user);
    const [failure] = (await eventsOf(user)).filter(({ event }) => event === 'login_failed');
    expect(failure).toMatchObject({ userId: user.id, actorId: user.id });
    expect(failure!.sessionId).toMatch(/./);
  });

  it('counts a wrong current password in a PUT like a failed login', async () => {
    const user = await app.newLogin();
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    const guess = (current_password: string) =>
      app.send('PUT', `/api/users/${user.id}`, {
        token: user.access,
        json: { ...bodyOf(user), current_password },
        headers,
      });
    for (let i = 0; i < 4; i++) expect((await guess(`wrong ${i}`)).status).toBe(400);
    const login = { json: { username: user.name, password: 'wrong' }, headers };
    expect((await app.send('POST', '/auth/login', login)).status).toBe(401);
    const refused = await guess(user.password);
    expect([refused.status, refused.body.code]).toEqual([429, 'too_many_requests']);
    expect((await app.send('POST', '/auth/login', login)).status).toBe(429);
  });

  it('verifies no more concurrent current passwords than sequential ones', async () => {
    const user = await app.newLogin();
    const headers = { 'x-forwarded-for': '198.51.100.7' };
    const json = { ...bodyOf(user), current_password: 'wrong' };
    const { access: token } = user;
    const verify = jest.spyOn(argon2, 'verify');
    await Promise.all(
      Array.from({ length: 20 }, () =>
        app.send('PUT', `/api/users/${user.id}`, { token, json, headers }),
      ),
    );
    expect(verify.mock.calls.length).toBeLessThanOrEqual(5);
  });

  it('ends all sessions after a PUT with another password, including that of the request', async () => {
    const user = await app.newLogin();
    const other = await app.login(user);
    const json = { name: user.name, password: 'another password', current_password: user.password };
    expect((await put(user, json)).status).toBe(200);
    for (const { access, refresh } of [user, other]) {
      expect(await works(access)).toBe(false);
      expect((await app.send('POST', '/auth/refresh', { token: refresh })).status).toBe(401);
    }
    await app.login(json);
    await expect(app.login(user)).rejects.toThrow('401');
  });

  it('ends no session after a PUT that changes only the name', async () => {
    const user = await app.newLogin();
    const json = { ...bodyOf(user), name: `${user.name} x`, current_password: user.password };
    expect((await put(user, json)).status).toBe(200);
    expect(await works(user.access)).toBe(true);
  });

  it('verifies and hashes once for a PUT of the own user, and not at all if the name is taken', async () => {
    const user = await app.newLogin();
    const current_password = user.password;
    for (const password of [user.password, 'another password']) {
      const json = { name: user.name, password, current_password };
      const { verifications, hashes, status } = await workOf(() => put(user, json));
      expect({ verifications, hashes, status }).toEqual({
        verifications: 1,
        hashes: 1,
        status: 200,
      });
    }
    const { name } = await app.newUser();
    const again = { ...user, ...(await app.login({ ...user, password: 'another password' })) };
    for (const guess of ['another password', 'wrong']) {
      const json = { name, password: 'a third one', current_password: guess };
      const work = await workOf(() => put(again, json));
      expect(work).toMatchObject({ verifications: 0, hashes: 0, status: 400 });
      expect(work.text).toContain('"name_taken"');
    }
  });

  it('lets an administrator change another user without the password of that user', async () => {
    const user = await app.newLogin();
    const other = await app.login(user);
    const json = { name: `${user.name} x`, password: 'by the administrator' };
    expect((await put(admin, json, user.id)).status).toBe(200);
    expect([await works(user.access), await works(other.access)]).toEqual([false, false]);
    expect(await works(admin.access)).toBe(true);
    await app.login(json);
    const { body } = await put(admin, { ...json, current_password: admin.password }, user.id);
    expect(body.message).toEqual({ current_password: ['Unknown field.'] });
  });

  it('requires the own current password of administrators who change themselves', async () => {
    const other = await newAdmin();
    const json = { name: other.name, password: 'another password' };
    expect((await put(other, json)).body.message).toEqual({ current_password: MISSING });
    const right = await put(other, { ...json, current_password: other.password });
    expect(right.status).toBe(200);
    expect(await works(other.access)).toBe(false);
  });

  it('refuses a password that is the name, in any case, at every route that sets one', async () => {
    const user = await app.newLogin();
    const message = ['Must differ from the name.'];
    const name = `Zoe\u0301 the ${user.id}th`;
    const password = `ZO\u00c9 THE ${user.id}TH`;
    const made = await app.send('POST', '/api/users', { json: { name, password } });
    expect([made.status, made.body.message]).toEqual([400, { password: message }]);
    const own = { name, password, current_password: user.password };
    expect((await put(user, own)).body.message).toEqual({ password: message });
    const { body: byAdmin } = await put(admin, { name, password }, user.id);
    expect(byAdmin.message).toEqual({ password: message });
    const json = { current_password: user.password, new_password: user.name.toUpperCase() };
    const changed = await app.send('POST', '/auth/password', { token: user.access, json });
    expect([changed.status, changed.body.message]).toEqual([400, { new_password: message }]);
  });

  it('lets a client log in after each of five changes of its password', async () => {
    const user = await app.newLogin();
    for (let i = 0; i < 5; i++) {
      const current_password = user.password;
      user.password = `password number ${i}`;
      expect((await put(user, { ...bodyOf(user), current_password })).status).toBe(200);
      Object.assign(user, await app.login(user));
    }
  });

  it('describes FLASK_COMPAT=false in the OpenAPI document', () => {
    const document: OpenAPIObject = buildDocument(app.app, app.config);
    const { get } = document.paths['/api/users']!;
    expect(get!.security).toEqual([{ access_token: [] }]);
    expect(Object.keys(get!.responses)).toEqual(expect.arrayContaining(['401', '403', '422']));
    const replace = document.paths['/api/users/{id}']!.put!;
    expect(JSON.stringify(replace.responses[400])).toContain('current_password_wrong');
    expect(document.components!.schemas!.ReplaceUser).toHaveProperty('properties.current_password');
  });
});

describe.each([['true'], ['false']])('FLASK_COMPAT=%s', (FLASK_COMPAT) => {
  beforeAll(async () => {
    app = await bootApp({ FLASK_COMPAT });
  });
  afterAll(() => app.close());

  it('records in the audit trail who renamed a user, but nothing of an unchanged name', async () => {
    const user = await app.newLogin();
    const admin = await newAdmin();
    const current = FLASK_COMPAT === 'false' && { current_password: user.password };
    await put(user, { ...bodyOf(user), ...current });
    await put(user, { ...bodyOf(user), name: `${user.name} x`, ...current });
    await put(admin, { ...bodyOf(user), name: `${user.name} y` }, user.id);
    const renames = (await eventsOf(user)).filter(({ event }) => event === 'user_renamed');
    expect(renames.map(({ actorId }) => actorId)).toEqual([user.id, admin.id]);
    expect(renames[0]).toMatchObject({ userId: user.id, ip: '127.0.0.1' });
    expect(renames[0]!.sessionId).toMatch(/./);
    expect(JSON.stringify(renames)).not.toContain(user.name);
  });

  it('records no rename in the audit trail for a refused PUT', async () => {
    const user = await app.newLogin();
    const { name } = await app.newUser();
    const current = FLASK_COMPAT === 'false' && { current_password: user.password };
    expect((await put(user, { ...bodyOf(user), name, ...current })).status).toBe(400);
    const events = (await eventsOf(user)).map(({ event }) => event);
    expect(events).toEqual(['user_created', 'login']);
  });
});

describe('REGISTRATION=closed', () => {
  let admin: LoggedIn;

  beforeAll(async () => {
    app = await bootApp({ TOKEN_COOKIES: 'true' });
    admin = await newAdmin();
    app = await app.restart({ REGISTRATION: 'closed' });
  });
  afterAll(() => app.close());

  const path = '/api/users';
  const json = (name: string) => ({ name, password: 'a password' });
  const CLOSED = {
    statusCode: 403,
    code: 'registration_closed',
    error: 'Forbidden',
    message: 'Only an administrator can register users here.',
  };

  it('refuses a registration, whatever the body is', async () => {
    const type = { 'content-type': 'application/json' };
    const requests: RequestInit[] = [
      { body: '{bad', headers: type },
      { body: 'text', headers: { 'content-type': 'text/plain' } },
      { body: ' '.repeat(200_000), headers: type },
      { body: '['.repeat(50), headers: type },
    ];
    for (const request of requests) {
      const answer = await fetch(app.url + path, { method: 'POST', ...request });
      expect([answer.status, await answer.json()]).toEqual([403, CLOSED]);
    }
  });

  it('refuses a registration before it checks the body and the name', async () => {
    const hash = jest.spyOn(argon2, 'hash');
    for (const body of [json('somebody new'), json('user'), {}, [], { name: 1 }, undefined]) {
      const answer = await app.send('POST', path, { ...(body !== undefined && { json: body }) });
      expect([answer.status, answer.body]).toEqual([403, CLOSED]);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="api"/);
    }
    expect(hash).not.toHaveBeenCalled();
  });

  it('refuses a registration with a token that is not valid for an administrator', async () => {
    const user = await app.login({ name: 'user', password: 'password' });
    const tokens = app.app.get(TokenService);
    const [past, scope] = [Date.now() - 3600_000, { admin: true }];
    const expired = await tokens.createAccessToken('1', { scope, issuedAt: past, expiresIn: 60 });
    const { signed: revoked } = await tokens.createAccessToken('1', { scope });
    await app.send('DELETE', '/auth/logout', { token: revoked });
    for (const token of [user.access, admin.refresh, 'x', expired.signed, revoked]) {
      const answer = await app.send('POST', path, { json: json('somebody new'), token });
      expect([answer.status, answer.body]).toEqual([403, CLOSED]);
    }
    expect((await app.get<unknown[]>('/api/users?name=somebody new')).body).toEqual([]);
  });

  it('lets an administrator register users, and records that in the audit trail', async () => {
    const { access: token } = admin;
    const made = await app.send('POST', '/api/users', { token, json: json('made by an admin') });
    expect(made.status).toBe(201);
    expect(made.headers.get('cache-control')).toBe('no-store');
    const taken = await app.send('POST', '/api/users', { token, json: json('made by an admin') });
    expect(taken.body.code).toBe('name_taken');
    const [created] = await eventsOf(made.body as { id: number });
    expect(created).toMatchObject({ event: 'user_created', actorId: admin.id });
  });

  it('refuses the cookie of an administrator without its CSRF value', async () => {
    const headers = { cookie: `access_token_cookie=${admin.access}` };
    const answer = await app.send('POST', '/api/users', { headers, json: json('somebody new') });
    expect([answer.status, answer.body]).toEqual([403, CLOSED]);
  });

  it('refuses a registration if the token cannot be checked', async () => {
    const tokens = app.app.get(TokenService);
    jest.spyOn(tokens, 'verify').mockRejectedValue(new Error('the disk is gone'));
    const options = { token: admin.access, json: json('somebody new') };
    expect((await app.send('POST', '/api/users', options)).status).toBe(500);
  });

  it('refuses a registration if the session ended while the password was hashed', async () => {
    const hash = argon2.hash.bind(argon2);
    const { access: token, refresh } = await app.login(admin);
    jest.spyOn(argon2, 'hash').mockImplementation((async (...args: [string]) => {
      await app.send('DELETE', '/auth/logout2', { token: refresh });
      return hash(...args);
    }) as typeof argon2.hash);
    const answer = await app.send('POST', '/api/users', { token, json: json('somebody new') });
    expect(answer.status).toBe(401);
  });

  it('describes closed registration in the OpenAPI document', () => {
    const document = buildDocument(app.app, app.config);
    const { security, responses } = document.paths[path]!.post!;
    expect(security).toContainEqual({ access_token: [] });
    expect(JSON.stringify(responses[403])).toContain('registration_closed');
  });
});

describe('REGISTRATION=open', () => {
  it('reads no token at a registration', async () => {
    app = await bootApp();
    const json = { name: 'somebody new', password: 'a password' };
    expect((await app.send('POST', '/api/users', { token: 'x', json })).status).toBe(201);
    await app.close();
  });
});
