import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ship } from '../../src/ships/ship.entity.js';
import { bootApp, type TestApp } from '../support/test-app.js';
import { exampleShips, newShip, ship } from './ship-values.js';

describe('Ships', () => {
  let app: TestApp;
  let token: string;

  beforeAll(async () => {
    app = await bootApp();
    token = (await app.newLogin()).access;
    for (const each of exampleShips) await newShip(app, token, each);
  });
  afterAll(() => app.close());

  const post = (json: unknown) => app.send('POST', '/api/ships', { token, json });
  const put = (id: number | string, json: unknown) =>
    app.send('PUT', `/api/ships/${id}`, { token, json });

  it('lists the ships to everybody, in order of id', async () => {
    const { status, body, headers } = await app.get<unknown[]>('/api/ships');
    expect(status).toBe(200);
    expect(body.slice(0, 3)).toEqual(exampleShips.map((each, i) => ({ id: i + 1, ...each })));
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('link')).toBeNull();
  });

  it('returns a single ship to everybody', async () => {
    const { status, body } = await app.get('/api/ships/3');
    expect(status).toBe(200);
    expect(body).toEqual({ id: 3, ...exampleShips[2] });
  });

  it('adds a ship, and answers 201 with the ship and its absolute Location', async () => {
    const { status, body, headers } = await post(ship);
    expect(status).toBe(201);
    expect(body).toEqual({ id: expect.any(Number), ...ship });
    expect(headers.get('location')).toBe(`${app.url}/api/ships/${String(body.id)}`);
    expect(headers.get('cache-control')).toBe('no-store');
    const again = await fetch(headers.get('location')!);
    expect(await again.json()).toEqual(body);
  });

  it('keeps every kind of text and the largest integers unchanged', async () => {
    const values = {
      ...ship,
      affiliation: "Robert'); DROP TABLE ships;--",
      category: '日本語 🚀 e\u0301',
      model: ' "quoted" \\ \n\t ',
      crew: Number.MAX_SAFE_INTEGER,
      length: 2 ** 40,
      roles: ['', 'a,b', '"', '🚀'],
    };
    const { status, body } = await post(values);
    expect(status).toBe(201);
    const { body: read } = await app.get(`/api/ships/${String(body.id)}`);
    expect(read).toEqual({ id: body.id, ...values });
  });

  it('accepts texts of 1,000 characters, however many bytes they have', async () => {
    const text = '\u{1f680}'.repeat(1000);
    const { status, body } = await post({ ...ship, model: text, roles: [text] });
    expect([status, body]).toEqual([201, { id: body.id, ...ship, model: text, roles: [text] }]);
  });

  it.each(['affiliation', 'category', 'manufacturer', 'model', 'ship_class', 'roles'])(
    'refuses more than 1,000 characters of %s',
    async (field) => {
      const text = 'x'.repeat(1001);
      const json = { ...ship, [field]: field === 'roles' ? ['Carrier', text] : text };
      const message = { [field]: ['Longer than maximum length 1000.'] };
      const { id } = await newShip(app, token);
      for (const answer of [await post(json), await put(id, json)]) {
        expect([answer.status, answer.body.message]).toEqual([400, message]);
      }
      expect((await app.get(`/api/ships/${id}`)).body).toEqual({ id, ...ship });
    },
  );

  it('reads and replaces ships from before the limit of 1,000 characters', async () => {
    const text = 'x'.repeat(5000);
    const { id } = await newShip(app, token);
    await app.sql((manager) => manager.update(Ship, { id }, { model: text, roles: [text] }));
    const old = { ...ship, id, model: text, roles: [text] };
    expect((await app.get(`/api/ships/${id}`)).body).toEqual(old);
    expect((await app.get('/api/ships?sort=-id&limit=1')).body).toEqual([old]);
    expect((await app.get(`/api/ships?model=${text}`)).body).toEqual([old]);
    expect((await put(id, ship)).status).toBe(200);
  });

  it('accepts an empty list of roles', async () => {
    const { status, body } = await post({ ...ship, roles: [] });
    expect(status).toBe(201);
    expect(body.roles).toEqual([]);
  });

  it('replaces a ship, with or without the id in the body', async () => {
    const { id } = await newShip(app, token);
    const changed = { ...ship, model: 'Imperial II-class Star Destroyer', crew: 37050 };
    const first = await put(id, { id, ...changed });
    expect(first.status).toBe(200);
    expect(first.body).toEqual({ id, ...changed });
    const second = await put(id, ship);
    expect(second.body).toEqual({ id, ...ship });
    expect((await app.get(`/api/ships/${id}`)).body).toEqual({ id, ...ship });
  });

  it('refuses a body with another id than the path', async () => {
    const { id } = await newShip(app, token);
    const { status, body } = await put(id, { id: id + 1, ...ship });
    expect(status).toBe(400);
    expect(body).toEqual({
      statusCode: 400,
      code: 'id_mismatch',
      error: 'Bad Request',
      message: 'Request data id has to match resource id.',
    });
  });

  it('refuses an id in the body of a new ship', async () => {
    const { status, body } = await post({ id: 1, ...ship });
    expect(status).toBe(400);
    expect(body.message).toEqual({ id: ['Unknown field.'] });
  });

  it('deletes a ship, and answers 404 afterwards', async () => {
    const { id } = await newShip(app, token);
    const { status, text, headers } = await app.send('DELETE', `/api/ships/${id}`, { token });
    expect([status, text]).toEqual([204, '']);
    expect(headers.get('content-type')).toBeNull();
    expect((await app.get(`/api/ships/${id}`)).status).toBe(404);
    expect((await app.send('DELETE', `/api/ships/${id}`, { token })).status).toBe(404);
    expect((await put(id, ship)).status).toBe(404);
  });

  it('never reuses the id of a deleted ship', async () => {
    const { id } = await newShip(app, token);
    await app.send('DELETE', `/api/ships/${id}`, { token });
    expect((await newShip(app, token)).id).toBeGreaterThan(id);
  });

  it.each([
    'abc',
    '0',
    '-1',
    '1.0',
    '1e3',
    '+1',
    '%31',
    '01',
    '9007199254740992',
    '9'.repeat(90),
    '9'.repeat(5000),
    '1%00',
    "1'--",
  ])('accepts an id only in its canonical form: %s', async (id) => {
    const expected = id === '%31' ? 200 : 404;
    expect((await app.get(`/api/ships/${id}`)).status).toBe(expected);
    if (expected === 200) return;
    expect((await put(id, { id: 'bad' })).status).toBe(404);
    expect((await app.send('DELETE', `/api/ships/${id}`, { token })).status).toBe(404);
  });

  it.each([2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER])(
    'answers 404 for the ship %d only after it has checked the token and the body',
    async (id) => {
      expect((await app.get(`/api/ships/${id}`)).status).toBe(404);
      expect((await put(id, { ...ship, crew: 0 })).status).toBe(400);
      expect((await put(id, ship)).status).toBe(404);
      expect((await app.send('DELETE', `/api/ships/${id}`, { token })).status).toBe(404);
      expect((await app.send('DELETE', `/api/ships/${id}`)).status).toBe(401);
      expect((await app.get(`/api/users/${id}`)).status).toBe(404);
    },
  );

  it('checks the body before it searches for the ship', async () => {
    const { status, body } = await put(999_999, { ...ship, crew: 0 });
    expect(status).toBe(400);
    expect(body.message).toEqual({ crew: ['Must be greater than or equal to 1.'] });
  });

  const required = ['Missing data for required field.'];
  it.each<[string, unknown, Record<string, string[]>]>([
    [
      'a body without fields',
      {},
      Object.fromEntries(Object.keys(ship).map((name) => [name, required])),
    ],
    ['a null field', { ...ship, model: null }, { model: ['Field may not be null.'] }],
    ['a number as text', { ...ship, model: 5 }, { model: ['Not a valid string.'] }],
    ['an object as text', { ...ship, model: {} }, { model: ['Not a valid string.'] }],
    ['an empty text', { ...ship, model: '' }, { model: ['Shorter than minimum length 1.'] }],
    ['a NUL', { ...ship, model: 'a\0b' }, { model: ['Not a valid string.'] }],
    ['half a surrogate pair', { ...ship, model: '\ud800' }, { model: ['Not a valid string.'] }],
    ['text as a number', { ...ship, crew: '5' }, { crew: ['Not a valid integer.'] }],
    ['true as a number', { ...ship, crew: true }, { crew: ['Not a valid integer.'] }],
    ['a fraction', { ...ship, crew: 1.5 }, { crew: ['Not a valid integer.'] }],
    ['zero', { ...ship, crew: 0 }, { crew: ['Must be greater than or equal to 1.'] }],
    [
      'an integer above 2^53 - 1',
      { ...ship, length: 2 ** 53 },
      { length: ['Must be less than or equal to 9007199254740991.'] },
    ],
    ['text as a list', { ...ship, roles: 'Carrier' }, { roles: ['Not a valid list.'] }],
    ['an object as a list', { ...ship, roles: { 0: 'a' } }, { roles: ['Not a valid list.'] }],
    ['a list with a number', { ...ship, roles: ['a', 1] }, { roles: ['Not a valid string.'] }],
    ['a list with null', { ...ship, roles: [null] }, { roles: ['Not a valid string.'] }],
    ['an unknown field', { ...ship, shields: 1 }, { shields: ['Unknown field.'] }],
    [
      'several errors',
      { ...ship, crew: 'BAD', length: false, hull: 1 },
      {
        crew: ['Not a valid integer.'],
        length: ['Not a valid integer.'],
        hull: ['Unknown field.'],
      },
    ],
    ['a list as the body', [ship], { _schema: ['Invalid input type.'] }],
    ['a string as the body', 'ship', { _schema: ['Invalid input type.'] }],
    ['null as the body', null, { _schema: ['Invalid input type.'] }],
  ])('refuses %s, with field errors', async (_, json, message) => {
    const { id } = await newShip(app, token);
    for (const { status, body } of [await post(json), await put(id, json)]) {
      expect(status).toBe(400);
      expect(body).toEqual({
        statusCode: 400,
        code: 'validation_failed',
        error: 'Bad Request',
        message,
      });
    }
    expect((await app.get(`/api/ships/${id}`)).body).toEqual({ id, ...ship });
  });

  it('refuses an infinite number', async () => {
    const raw = JSON.stringify(ship).replace('37085', '1e400');
    const { status, body } = await app.send('POST', '/api/ships', { token, raw });
    expect(status).toBe(400);
    expect(body.message).toEqual({ crew: ['Not a valid integer.'] });
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'treats the member %s like any unknown field',
    async (name) => {
      const raw = JSON.stringify(ship).replace('{', `{"${name}":{"admin":true},`);
      const { status, text } = await app.send('POST', '/api/ships', { token, raw });
      expect(status).toBe(400);
      expect(text).toContain(`{"${name}":["Unknown field."]}`);
    },
  );

  it('reports at most a hundred field errors', async () => {
    const many = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`field${i}`, 1]));
    const { status, body } = await post({ ...ship, ...many });
    expect(status).toBe(400);
    expect(Object.keys(body.message as object)).toHaveLength(100);
  });
});
