import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newShip } from '../ships/ship-values.js';
import { bootApp } from '../support/test-app.js';
import { createDatabase, type TestDatabase } from '../support/test-database.js';

describe('The demo data', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createDatabase();
  });
  afterEach(() => database.drop());

  it('adds the demo data to an empty database only', async () => {
    let app = await bootApp({ DEMO_DATA: 'true' }, { database, users: false });
    expect((await app.get<unknown[]>('/api/ships')).body).toHaveLength(15);
    expect((await app.get<unknown[]>('/api/users')).body).toHaveLength(2);
    const { access } = await app.login({ name: 'guest', password: 'guest' });
    expect((await newShip(app, access)).id).toBe(16);
    await app.send('DELETE', '/api/ships/1', { token: access });
    app = await app.restart();
    expect((await app.get<unknown[]>('/api/ships')).body).toHaveLength(15);
    await app.app.close();
  });

  it('adds no demo data if DEMO_DATA is false', async () => {
    const app = await bootApp({ DEMO_DATA: 'false' }, { database, users: false });
    expect((await app.get('/api/ships')).body).toEqual([]);
    expect((await app.get('/api/users')).body).toEqual([]);
    await app.app.close();
  });
});
