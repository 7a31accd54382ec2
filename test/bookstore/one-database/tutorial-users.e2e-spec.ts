import { afterEach, describe, expect, it } from '@jest/globals';
import { buildDocument } from '../../../src/openapi/document.js';
import { UserRolesService } from '../../../src/users/roles/user-roles.service.js';
import type { LoggedIn } from '../../support/client.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

const BOOKSTORE = 'true';
const CLOSED = {
  statusCode: 403,
  code: 'registration_closed',
  error: 'Forbidden',
  message: 'Only an administrator can register users here.',
};

describe('Users of the bookstore tutorial', () => {
  let app: TestApp;
  let admin: LoggedIn;

  /** Boots the application with an administrator. */
  const boot = async (env: Record<string, string>) => {
    app = await bootApp({ BOOKSTORE, ...env });
    const user = await app.newUser();
    await app.app.get(UserRolesService, { strict: false }).setRole(user.name, 'admin', true);
    admin = { ...user, ...(await app.login(user)) };
  };
  afterEach(() => app.close());

  it.each([{}, { NODE_ENV: 'production', FLASK_COMPAT: 'true' }])(
    'lists users to everybody with FLASK_COMPAT=true: %j',
    async (env) => {
      await boot(env);
      expect((await app.get('/users')).status).toBe(200);
      const { get } = buildDocument(app.app, app.config).paths['/users']!;
      expect(get!.responses).not.toHaveProperty('403');
    },
  );

  it('lists users of the bookstore to administrators with FLASK_COMPAT=false, with its header and messages', async () => {
    await boot({ FLASK_COMPAT: 'false' });
    const named = { name: 'Zoe\u0301 the pilot', password: 'ZO\u00c9 THE PILOT' };
    const registered = await app.send('POST', '/register', { json: named });
    expect([registered.status, registered.body.message]).toEqual([
      400,
      { password: ['Must differ from the name.'] },
    ]);
    const { access } = await app.newLogin();
    const list = (token?: string) =>
      app.get<{ users?: { name: string }[] }>('/users', {
        ...(token !== undefined && { headers: { 'x-access-tokens': token } }),
      });
    expect(await list()).toMatchObject({
      status: 401,
      body: { message: 'a valid token is missing' },
    });
    expect(await list('x')).toMatchObject({ status: 401, body: { message: 'token is invalid' } });
    const refused = await list(access);
    expect([refused.status, refused.body]).toEqual([403, { message: 'administrator required' }]);
    const { body, headers } = await list(admin.access);
    expect(body.users!.map(({ name }) => name)).toContain(admin.name);
    expect(headers.get('cache-control')).toBe('no-store');
    const bearer = await app.get('/users', { token: admin.access });
    expect([bearer.status, bearer.body]).toEqual([401, { message: 'a valid token is missing' }]);
    const { get } = buildDocument(app.app, app.config).paths['/users']!;
    expect(get!.security).toEqual([{ 'header.x-access-tokens': [] }]);
    expect(JSON.stringify(get!.responses[403])).toContain('administrator required');
  });

  it('registers users for administrators only with REGISTRATION=closed, whatever the body is', async () => {
    await boot({});
    app = await app.restart({ REGISTRATION: 'closed' });
    const json = (name: string) => ({ name, password: 'a password' });
    const user = await app.login({ name: 'user', password: 'password' });
    const type = { 'content-type': 'application/json' };
    for (const request of [
      { body: '{bad', headers: type },
      { body: 'text', headers: { 'content-type': 'text/plain' } },
      { body: ' '.repeat(200_000), headers: type },
      { body: '['.repeat(50), headers: type },
    ]) {
      const answer = await fetch(`${app.url}/register`, { method: 'POST', ...request });
      expect([answer.status, await answer.json()]).toEqual([403, CLOSED]);
    }
    for (const body of [json('somebody new'), json('user'), {}, [], { name: 1 }]) {
      const answer = await app.send('POST', '/register', { json: body });
      expect([answer.status, answer.body]).toEqual([403, CLOSED]);
    }
    for (const token of [user.access, admin.refresh, 'x']) {
      for (const sent of [
        { token },
        { headers: { 'x-access-tokens': token } },
        { token: admin.access, headers: { 'x-access-tokens': token } },
      ]) {
        const answer = await app.send('POST', '/register', { json: json('new'), ...sent });
        expect([answer.status, answer.body]).toEqual([403, CLOSED]);
      }
    }
    const headers = { 'x-access-tokens': admin.access };
    const both = [
      await app.send('POST', '/register', { headers, json: json('made in the bookstore') }),
      await app.send('POST', '/register', { token: admin.access, json: json('made there, too') }),
    ];
    expect(both.map(({ status }) => status)).toEqual([200, 200]);
    const { security, responses } = buildDocument(app.app, app.config).paths['/register']!.post!;
    expect(security).toContainEqual({ access_token: [] });
    expect(JSON.stringify(responses[403])).toContain('registration_closed');
  });
});
