import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { User } from '../../src/users/user.entity.js';
import { Session } from '../../src/sessions/session.entity.js';
import type { LoggedIn } from '../support/client.js';
import { bootApp, type TestApp } from '../support/test-app.js';

describe('Users', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp();
  });
  afterAll(() => app.close());

  const register = (json: unknown) => app.send('POST', '/api/users', { json });
  const put = (user: LoggedIn, json: unknown, id = user.id) =>
    app.send('PUT', `/api/users/${id}`, { token: user.access, json });
  const works = async (token: string) => (await app.get('/auth/me', { token })).status === 200;

  it('lists the example users to everybody, without passwords', async () => {
    const { status, body } = await app.get<unknown[]>('/api/users?limit=2');
    expect(status).toBe(200);
    expect(body).toEqual([
      { id: 1, name: 'user' },
      { id: 2, name: 'guest' },
    ]);
  });

  it('returns a single user to everybody, and 404 for an unknown id', async () => {
    expect((await app.get('/api/users/2')).body).toEqual({ id: 2, name: 'guest' });
    const { status, body } = await app.get('/api/users/999999');
    expect([status, body]).toEqual([
      404,
      { statusCode: 404, code: 'not_found', error: 'Not Found' },
    ]);
  });

  it('registers a user who can log in', async () => {
    const { status, body, headers } = await register({ name: 'new user', password: 'secret' });
    expect(status).toBe(201);
    expect(body).toEqual({ id: expect.any(Number), name: 'new user' });
    expect(headers.get('location')).toBe(`${app.url}/api/users/${String(body.id)}`);
    await app.login({ name: 'new user', password: 'secret' });
  });

  it('stores only the argon2id hash of a password', async () => {
    const user = await app.newUser('a very special password');
    const row = await app.sql((manager) =>
      manager.findOneOrFail(User, { where: { id: user.id }, select: { passwordHash: true } }),
    );
    expect(row.passwordHash).toMatch(/^\$argon2id\$/);
    const everything = await app.sql((manager) => manager.query<unknown[]>('SELECT * FROM users'));
    expect(JSON.stringify(everything)).not.toContain('a very special password');
  });

  it('refuses a name that is taken', async () => {
    const { name } = await app.newUser();
    const { status, body } = await register({ name, password: 'another' });
    expect(status).toBe(400);
    expect(body).toEqual({
      statusCode: 400,
      code: 'name_taken',
      error: 'Bad Request',
      message: 'User already exists.',
    });
  });

  it('compares names in Unicode NFC, and counts lengths in characters', async () => {
    expect((await register({ name: 'Amélie', password: 'secret' })).status).toBe(201);
    const decomposed = 'Ame\u0301lie';
    expect((await register({ name: decomposed, password: 'secret' })).body.code).toBe('name_taken');
    await app.login({ name: decomposed, password: 'secret' });
    expect((await register({ name: '🚀🚀', password: '🚀🚀🚀🚀' })).status).toBe(201);
    expect((await register({ name: '🚀', password: '🚀🚀🚀' })).body.message).toEqual({
      name: ['Shorter than minimum length 2.'],
      password: ['Shorter than minimum length 4.'],
    });
  });

  it('accepts one of twenty concurrent registrations of one name', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => register({ name: 'wanted by all', password: 'secret' })),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    // 429 if more than four of them queue for their hash before the name is taken.
    expect(statuses.filter((status) => status === 400 || status === 429)).toHaveLength(19);
  });

  it.each<[string, unknown, Record<string, string[]>]>([
    ['no password', { name: 'somebody' }, { password: ['Missing data for required field.'] }],
    [
      'values that are too short',
      { name: '?', password: '?' },
      {
        name: ['Shorter than minimum length 2.'],
        password: ['Shorter than minimum length 4.'],
      },
    ],
    [
      'values that are too long',
      { name: 'n'.repeat(81), password: 'p'.repeat(129) },
      {
        name: ['Longer than maximum length 80.'],
        password: ['Longer than maximum length 128.'],
      },
    ],
    // One character in this form, two in NFC. The length is that of the stored form.
    [
      'a name that NFC makes too long',
      { name: '\u0958'.repeat(41), password: 'secret' },
      { name: ['Longer than maximum length 80.'] },
    ],
    [
      'values of another type',
      { name: -1, password: false },
      { name: ['Not a valid string.'], password: ['Not a valid string.'] },
    ],
    ['a NUL', { name: 'nu\0l', password: 'secret' }, { name: ['Not a valid string.'] }],
    ['a null name', { name: null, password: 'secret' }, { name: ['Field may not be null.'] }],
    [
      'an admin flag',
      { name: 'me', password: 'secret', admin: true },
      { admin: ['Unknown field.'] },
    ],
    ['an id', { id: 1, name: '??', password: '????' }, { id: ['Unknown field.'] }],
    ['a list', [], { _schema: ['Invalid input type.'] }],
  ])('refuses %s in a registration', async (_, json, message) => {
    const { status, body } = await register(json);
    expect([status, body.message]).toEqual([400, message]);
  });

  it('uses all characters of a password of up to 128 characters', async () => {
    const password = '密'.repeat(128);
    const user = await app.newUser(password);
    await app.login(user);
    await expect(app.login({ ...user, password: password.slice(0, -1) })).rejects.toThrow('401');
  });

  describe('PUT /api/users/:id', () => {
    it('changes name and password, with or without the id in the body', async () => {
      const user = await app.newLogin();
      const name = `${user.name} the second`;
      const { status, body } = await put(user, { id: user.id, name, password: 'new-pwd' });
      expect([status, body]).toEqual([200, { id: user.id, name }]);
      await app.login({ name, password: 'new-pwd' });
      await expect(app.login(user)).rejects.toThrow('401');
      expect((await put(user, { name: user.name, password: 'new-pwd' })).status).toBe(200);
      await app.login({ name: user.name, password: 'new-pwd' });
    });

    it('ends the other sessions, but not the current one, if the password changes', async () => {
      const user = await app.newLogin();
      const other = await app.login(user);
      await put(user, { name: user.name, password: 'another password' });
      expect(await works(user.access)).toBe(true);
      expect(await works(other.access)).toBe(false);
      const { status, body } = await app.send('POST', '/auth/refresh', { token: other.refresh });
      expect([status, body.code]).toEqual([401, 'token_revoked']);
    });

    it('ends no session if the password stays the same', async () => {
      const user = await app.newLogin();
      const other = await app.login(user);
      await put(user, { name: `${user.name} again`, password: user.password });
      expect(await works(other.access)).toBe(true);
    });

    it('changes nothing if the name is taken', async () => {
      const user = await app.newLogin();
      const other = await app.login(user);
      const { name } = await app.newUser();
      const { status, body } = await put(user, { name, password: 'another password' });
      expect([status, body.code]).toEqual([400, 'name_taken']);
      expect(await works(other.access)).toBe(true);
      await app.login(user);
    });

    it('refuses the id of another user in the body', async () => {
      const user = await app.newLogin();
      const { status, body } = await put(user, { id: user.id + 1, name: '??', password: '????' });
      expect([status, body.message]).toEqual([400, 'Request data id has to match resource id.']);
    });

    it('refuses an invalid body', async () => {
      const user = await app.newLogin();
      const { status, body } = await put(user, { name: 'x'.repeat(2), passwort: 'secret' });
      expect(status).toBe(400);
      expect(body.message).toEqual({
        password: ['Missing data for required field.'],
        passwort: ['Unknown field.'],
      });
    });

    it('refuses a change of another user', async () => {
      const user = await app.newLogin();
      const victim = await app.newUser();
      const { status, body, headers } = await put(
        user,
        { name: 'mine', password: 'secret' },
        victim.id,
      );
      expect(status).toBe(403);
      expect(body).toEqual({
        statusCode: 403,
        code: 'claim_required',
        error: 'Missing required claim(s)',
      });
      expect(headers.get('www-authenticate')).toContain('error="insufficient_scope"');
      await app.login(victim);
    });

    it('lets an administrator change any user', async () => {
      const admin = await app.newLogin('admin');
      const user = await app.newLogin();
      const json = { name: `${user.name} renamed`, password: 'by the admin' };
      expect((await put(admin, json, user.id)).status).toBe(200);
      expect(await works(user.access)).toBe(false);
      expect(await works(admin.access)).toBe(true);
      await app.login({ name: json.name, password: json.password });
      expect((await put(admin, json, 999_999)).status).toBe(404);
    });

    it('requires a token from a login', async () => {
      const user = await app.newLogin();
      const { body } = await app.send('POST', '/auth/refresh', { token: user.refresh });
      const token = body.access_token as string;
      for (const method of ['PUT', 'DELETE']) {
        const json = method === 'PUT' ? { name: user.name, password: user.password } : undefined;
        const answer = await app.send(method, `/api/users/${user.id}`, {
          token,
          ...(json && { json }),
        });
        expect(answer.status).toBe(401);
        expect(answer.body).toEqual({
          statusCode: 401,
          code: 'fresh_token_required',
          error: 'Fresh token required',
        });
      }
    });
  });

  it('does not mix two concurrent changes', async () => {
    const user = await app.newLogin();
    const change = (name: string, password: string) =>
      put(user, { name: `${user.name} ${name}`, password });
    for (let round = 0; round < 3; round++) {
      const passwords = { a: `password a${round}`, b: user.password };
      const [a, b] = await Promise.all([change('a', passwords.a), change('b', passwords.b)]);
      expect([a.status, b.status]).toEqual([200, 200]);
      const { body } = await app.get(`/api/users/${user.id}`);
      const name = String(body.name);
      await app.login({ name, password: name.endsWith(' a') ? passwords.a : passwords.b });
      await change('reset', user.password);
    }
  });

  describe('DELETE /api/users/:id', () => {
    it('removes the user with all sessions, and refuses every token', async () => {
      const user = await app.newLogin();
      const other = await app.login(user);
      const path = `/api/users/${user.id}`;
      const { status, text } = await app.send('DELETE', path, { token: user.access });
      expect([status, text]).toEqual([204, '']);
      expect((await app.get(path)).status).toBe(404);
      for (const token of [user.access, other.access]) expect(await works(token)).toBe(false);
      for (const token of [user.refresh, other.refresh]) {
        const answer = await app.send('POST', '/auth/refresh', { token });
        expect([answer.status, answer.body.code]).toEqual([401, 'token_revoked']);
      }
      const subject = String(user.id);
      expect(await app.sql((manager) => manager.countBy(Session, { subject }))).toBe(0);
      await expect(app.login(user)).rejects.toThrow('401');
    });

    it('lets only the user and administrators remove a user', async () => {
      const victim = await app.newUser();
      const stranger = await app.newLogin();
      const path = `/api/users/${victim.id}`;
      expect((await app.send('DELETE', path, { token: stranger.access })).status).toBe(403);
      expect((await app.get(path)).status).toBe(200);
      const admin = await app.newLogin('admin');
      expect((await app.send('DELETE', path, { token: admin.access })).status).toBe(204);
      expect((await app.send('DELETE', path, { token: admin.access })).status).toBe(404);
    });

    it('never reuses the id of a removed user', async () => {
      const user = await app.newLogin();
      await app.send('DELETE', `/api/users/${user.id}`, { token: user.access });
      expect((await app.newUser()).id).toBeGreaterThan(user.id);
    });
  });

  it('requires passwords of 8 characters in production', async () => {
    const production = await bootApp({ NODE_ENV: 'production' });
    try {
      const json = { name: 'short', password: '1234567' };
      const { body } = await production.send('POST', '/api/users', { json });
      expect(body.message).toEqual({ password: ['Shorter than minimum length 8.'] });
    } finally {
      await production.close();
    }
  });
});
