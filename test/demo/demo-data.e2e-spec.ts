import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bootApp } from '../support/test-app.js';
import { createDatabase, type TestDatabase } from '../support/test-database.js';

describe('The demo data', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createDatabase();
  });
  afterEach(() => database.drop());

  it('adds the demo users to an empty database only', async () => {
    let app = await bootApp({ DEMO_DATA: 'true' }, { database });
    const names = async () =>
      (await app.get<{ name: string }[]>('/api/users')).body.map((user) => user.name);
    expect(await names()).toEqual(['user', 'guest']);
    const { access } = await app.login({ name: 'guest', password: 'guest' });
    expect((await app.send('DELETE', '/api/users/2', { token: access })).status).toBe(204);
    app = await app.restart();
    expect(await names()).toEqual(['user']);
    await app.app.close();
  });

  it('adds no demo data if DEMO_DATA is false', async () => {
    const app = await bootApp({ DEMO_DATA: 'false' }, { database, users: false });
    expect((await app.get('/api/users')).body).toEqual([]);
    await app.app.close();
  });
});
