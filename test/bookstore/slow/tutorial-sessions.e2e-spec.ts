import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { IsNull, MoreThan, Not } from 'typeorm';
import { Session } from '../../../src/sessions/session.entity.js';
import type { Client, TestUser } from '../../support/client.js';
import { ServiceProcess } from '../../support/process.js';
import { bootApp, SECRET, type TestApp } from '../../support/test-app.js';
import { createDatabase } from '../../support/test-database.js';
import { freezeTime } from '../../support/time.js';
import { tutorialLogin } from '../tutorial-client.js';

const BOOKSTORE = 'true';

describe('Sessions of the bookstore tutorial', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  const loginToken = async (client: Client, user: TestUser): Promise<string> => {
    const { status, body } = await tutorialLogin(client, user);
    expect(status).toBe(200);
    return body.token as string;
  };
  const activeSessionsOf = (app: TestApp, { id }: { id: number }, isRefreshable: boolean) =>
    app.sql((manager) =>
      manager.findBy(Session, {
        subject: String(id),
        endedAt: IsNull(),
        expiresAt: MoreThan(Date.now()),
        currentToken: isRefreshable ? Not(IsNull()) : IsNull(),
      }),
    );

  it('counts sessions of the tutorial separately', async () => {
    freezeTime(Date.now());
    const app = await bootApp({ BOOKSTORE, MAX_SESSIONS: '3' });
    const user = await app.newUser();
    const pass = () => freezeTime(Date.now() + 1000);
    const states = (tokens: string[]) =>
      Promise.all(
        tokens.map(async (token) => (await app.get('/auth/me', { token })).status === 200),
      );
    const others: string[] = [];
    const login = async () => {
      pass();
      others.push((await app.login(user)).access);
    };
    for (let i = 0; i < 3; i++) await login();
    const tokens: string[] = [];
    for (let i = 0; i < 4; i++) {
      pass();
      tokens.push(await loginToken(app, user));
    }
    expect(await states(others)).toEqual([true, true, true]);
    expect(await states(tokens)).toEqual([false, true, true, true]);
    await login();
    expect(await states(others)).toEqual([false, true, true, true]);
    expect(await states(tokens)).toEqual([false, true, true, true]);
    await app.close();
  });

  it('limits concurrent logins of both kinds at two processes', async () => {
    const database = await createDatabase();
    const env = { BOOKSTORE, JWT_SECRET_KEY: SECRET, MAX_SESSIONS: '4' };
    const settings = { ...database.settings, ...env };
    const services = [ServiceProcess.spawn(settings)];
    const clients = [await services[0]!.client()];
    services.push(ServiceProcess.spawn(settings));
    clients.push(await services[1]!.client());
    const user = await clients[0]!.newUser();
    const tokens = await Promise.all(
      Array.from({ length: 24 }, async (_, i) => {
        const client = clients[i % 2]!;
        return i % 4 > 1 ? loginToken(client, user) : (await client.login(user)).access;
      }),
    );
    const app = await bootApp({}, { database });
    for (const isRefreshable of [true, false]) {
      expect(await activeSessionsOf(app, user, isRefreshable)).toHaveLength(4);
    }
    const answers = await Promise.all(tokens.map((token) => app.get('/auth/me', { token })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(8);
    await app.app.close();
    await Promise.all(services.map((service) => service.kill('SIGKILL')));
    await database.drop();
  }, 60_000);
});
