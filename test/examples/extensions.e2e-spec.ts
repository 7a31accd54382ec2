import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CreateUserEmails1796000000000 } from '../../examples/emails/create-user-emails.migration.js';
import { EmailsModule } from '../../examples/emails/emails.module.js';
import { UserEmail } from '../../examples/emails/user-email.entity.js';
import { CreateLamps1796000000001 } from '../../examples/lamps/create-lamps.migration.js';
import { Crew } from '../../examples/lamps/crew.hook.js';
import { Lamp } from '../../examples/lamps/lamp.entity.js';
import { LampsModule } from '../../examples/lamps/lamps.module.js';
import { buildDocument } from '../../src/openapi/document.js';
import { addMigration } from '../support/migration-source.js';
import { bootApp, type TestApp } from '../support/test-app.js';

addMigration(CreateUserEmails1796000000000);
addMigration(CreateLamps1796000000001);

const DAY = 24 * 3_600_000;

describe('The examples of docs/extend.md', () => {
  let app: TestApp;
  const shifts = new Map<string, string>();

  beforeAll(async () => {
    const lamps = LampsModule.forRoot({ maxAge: 30 }, new Crew(shifts));
    app = await bootApp({}, { imports: [EmailsModule, lamps] });
  });
  afterAll(() => app.close());

  const newCrewMember = async () => {
    const user = await app.newUser();
    shifts.set(String(user.id), 'night');
    return { ...user, ...(await app.login(user)) };
  };

  describe('An e-mail address to log in with', () => {
    const put = (user: { id: number; access: string }, email: unknown) =>
      app.send('PUT', `/api/users/${user.id}/email`, { token: user.access, json: { email } });
    const login = (username: string, password: string) =>
      app.send('POST', '/auth/login', { json: { username, password } });

    it('belongs to one user, who can log in with it in any case', async () => {
      const user = await app.newLogin();
      const path = `/api/users/${user.id}/email`;
      expect((await app.get(path, { token: user.access })).status).toBe(404);
      const email = `${user.id}@Alderaan.Example`;
      expect((await put(user, email)).body).toEqual({ email: email.toLowerCase() });
      expect((await app.get(path, { token: user.access })).body).toEqual({
        email: email.toLowerCase(),
      });
      for (const name of [email, email.toUpperCase(), user.name]) {
        const { status, body } = await login(name, user.password);
        expect(status).toBe(200);
        const me = await app.get('/auth/me', { token: String(body.access_token) });
        expect(me.body.id).toBe(user.id);
      }
      expect((await login(email, 'wrong')).body.code).toBe('credentials_invalid');
      const other = await app.newLogin();
      expect((await put(other, email)).body.code).toBe('email_taken');
      expect((await put(other, 'no address')).body.message).toEqual({
        email: ['Not a valid email address.'],
      });
      expect((await put({ id: user.id, access: other.access }, email)).status).toBe(403);
    });

    it('cannot be taken over by registering it as a name, nor be the name of another user', async () => {
      const user = await app.newLogin();
      const email = `first-${user.id}@alderaan.example`;
      await put(user, email);
      const impostor = { name: email, password: 'of an impostor' };
      await app.send('POST', '/api/users', { json: impostor });
      expect((await login(email, impostor.password)).status).toBe(401);
      expect((await login(email, user.password)).status).toBe(200);

      const named = { name: `second-${user.id}@alderaan.example`, password: 'a good password' };
      await app.send('POST', '/api/users', { json: named });
      expect((await put(user, named.name)).body.code).toBe('email_taken');
    });

    it('counts wrong passwords together with those at the name', async () => {
      const user = await app.newLogin();
      const email = `guess-${user.id}@alderaan.example`;
      await put(user, email);
      for (let i = 0; i < 5; i++) await login(i % 2 ? email : user.name, 'wrong');
      const { status, body } = await login(email, user.password);
      expect([status, body.code]).toEqual([429, 'too_many_requests']);
    });

    it('is removed with its user', async () => {
      const user = await app.newLogin();
      await put(user, `gone-${user.id}@alderaan.example`);
      await app.send('DELETE', `/api/users/${user.id}`, { token: user.access });
      const rows = await app.sql((manager) => manager.countBy(UserEmail, { userId: user.id }));
      expect(rows).toBe(0);
    });
  });

  it('adds a claim and an entry of the scope to the tokens of a user', async () => {
    const member = await newCrewMember();
    const { body } = await app.get('/auth/token', { token: member.access });
    expect(body).toMatchObject({ scope: { lamps: ['write'] }, claims: { shift: 'night' } });
    const { access } = await app.newLogin();
    const answer = await app.send('POST', '/api/lamps', {
      token: access,
      json: { colour: '#ff8800' },
    });
    expect(answer.body.code).toBe('scope_required');
  });

  it('checks a field with a validator of its own, and documents it', async () => {
    const { access: token } = await newCrewMember();
    const created = await app.send('POST', '/api/lamps', { token, json: { colour: '#FF8800' } });
    expect([created.status, created.body.colour]).toEqual([201, '#ff8800']);
    for (const colour of ['orange', '#ff880', 7, null]) {
      const { status, body } = await app.send('POST', '/api/lamps', { token, json: { colour } });
      expect(status).toBe(400);
      if (colour !== null) {
        expect(body.message).toEqual({ colour: ['Not a valid colour, such as #ff8800.'] });
      }
    }
    const { schemas } = buildDocument(app.app, app.config).components!;
    expect(schemas!.CreateLamp).toMatchObject({
      properties: { colour: { type: 'string', pattern: '^#[0-9A-Fa-f]{6}$' } },
    });
  });

  it('sorts and filters a list by a field of a type of its own', async () => {
    const { access: token } = await newCrewMember();
    for (const colour of ['#0000ff', '#00ff00', '#ff0000']) {
      await app.send('POST', '/api/lamps', { token, json: { colour } });
    }
    const list = async (query: string) =>
      (await app.get<{ colour: string }[]>(`/api/lamps?${query}`, { token })).body;
    const sorted = (await list('sort=-colour')).map(({ colour }) => colour);
    expect(sorted).toEqual([...sorted].sort().reverse());
    expect(await list('colour=%2300FF00')).toMatchObject([{ colour: '#00ff00' }]);
    expect(await list('colour=green')).toMatchObject({
      message: { colour: ['Not a valid colour, such as #ff8800.'] },
    });
  });

  it('lists an error code of its own in the OpenAPI document', () => {
    const document = JSON.stringify(buildDocument(app.app, app.config));
    expect(document).toContain('"email_taken"');
  });

  it('runs a job of its own at the start', async () => {
    await app.sql((manager) =>
      manager.insert(Lamp, [
        { colour: 1, createdAt: Date.now() - 31 * DAY },
        { colour: 2, createdAt: Date.now() },
      ]),
    );
    const lamps = LampsModule.forRoot({ maxAge: 30 }, new Crew(shifts));
    const { database } = app;
    await app.app.close();
    app = await bootApp({}, { database, imports: [EmailsModule, lamps] });
    const left = async () =>
      (await app.sql((manager) => manager.find(Lamp))).map(({ colour }) => colour);
    while ((await left()).includes(1)) await new Promise(setImmediate);
    expect(await left()).toContain(2);
  });

  it('refuses to start if a start-up check of its own fails', async () => {
    const lamps = LampsModule.forRoot({ maxAge: 0 }, new Crew(shifts));
    await expect(bootApp({}, { imports: [lamps] })).rejects.toThrow(
      'LampOptions.maxAge must be at least one day.',
    );
  });
});
