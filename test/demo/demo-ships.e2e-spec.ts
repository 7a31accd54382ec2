import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newShip } from '../ships/ship-values.js';
import { bootApp } from '../support/test-app.js';
import { createDatabase, type TestDatabase } from '../support/test-database.js';

describe('The demo ships', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createDatabase();
  });
  afterEach(() => database.drop());

  it('adds the demo ships to an empty database only', async () => {
    let app = await bootApp({ DEMO_DATA: 'true' }, { database });
    expect((await app.get<unknown[]>('/api/ships')).body).toHaveLength(15);
    const { access } = await app.login({ name: 'guest', password: 'guest' });
    expect((await newShip(app, access)).id).toBe(16);
    await app.send('DELETE', '/api/ships/1', { token: access });
    app = await app.restart();
    expect((await app.get<unknown[]>('/api/ships')).body).toHaveLength(15);
    await app.app.close();
  });

  it('adds no demo ships to a database with users', async () => {
    let app = await bootApp({ DEMO_DATA: 'false' }, { database });
    expect((await app.get('/api/ships')).body).toEqual([]);
    app = await app.restart({ DEMO_DATA: 'true' });
    expect((await app.get('/api/ships')).body).toEqual([]);
    await app.app.close();
  });

  it('suggests a demo ship as the first request on the home page', async () => {
    const app = await bootApp({ DEMO_DATA: 'true' }, { database });
    const { text } = await app.get('/', { headers: { accept: 'text/html' } });
    expect(text).toContain(`curl ${app.url}/api/ships/1`);
    expect((await app.get('/api/ships/1')).status).toBe(200);
    await app.app.close();
  });
});
