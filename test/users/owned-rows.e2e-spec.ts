import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LoggedIn } from '../support/client.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import type { TestApp } from '../support/test-app.js';

const scroll = { title: 'Buy lamps', topic: 'Office', priority: 2 };

describe('Rows of users', () => {
  let app: TestApp;
  let leia: LoggedIn;
  let luke: LoggedIn;

  beforeAll(async () => {
    app = await bootFixtureApp();
    [leia, luke] = await Promise.all([app.newLogin(), app.newLogin()]);
  });
  afterAll(() => app.close());

  let added = 0;
  const add = async () => {
    const json = { ...scroll, title: `scroll ${++added}` };
    const { body } = await app.send('POST', '/api/scrolls', { token: leia.access, json });
    return body;
  };

  it('answers for a row of another user as for an unknown row', async () => {
    const one = await add();
    const missing = { statusCode: 404, code: 'not_found', error: 'Not Found' };
    for (const id of [one.id as number, 2 ** 31 - 1, 2 ** 40, 'x']) {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const { status, body } = await app.send(method, `/api/scrolls/${id}`, {
          token: luke.access,
          ...(method === 'PUT' && { json: scroll }),
        });
        expect([method, id, status, body]).toEqual([method, id, 404, missing]);
      }
    }
    const own = await app.get(`/api/scrolls/${String(one.id)}`, { token: leia.access });
    expect(own.body).toEqual(one);
    expect((await app.get('/api/scrolls', { token: luke.access })).body).toEqual([]);
  });

  it('replaces and deletes a row of the user', async () => {
    const { id } = await add();
    const [path, token] = [`/api/scrolls/${String(id)}`, leia.access];
    const changed = { ...scroll, priority: null };
    const replaced = await app.send('PUT', path, { token, json: changed });
    expect([replaced.status, replaced.body]).toEqual([200, { id, ...changed }]);
    expect((await app.send('DELETE', path, { token })).status).toBe(204);
    expect((await app.get(path, { token })).status).toBe(404);
  });
});
