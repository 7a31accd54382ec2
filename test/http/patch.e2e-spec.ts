import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LoggedIn } from '../support/client.js';
import { crate } from '../support/fixture/crates.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import type { TestApp } from '../support/test-app.js';

const ACCEPTED = 'application/merge-patch+json, application/json';
const scroll = { title: 'Buy lamps', topic: 'Office', priority: 2 };

describe('PATCH (RFC 7396)', () => {
  let app: TestApp;
  let user: LoggedIn;

  beforeAll(async () => {
    app = await bootFixtureApp({ FLASK_COMPAT: 'false' });
    user = await app.newLogin();
  });
  afterAll(() => app.close());

  const patch = (path: string, json: unknown, token = user.access) =>
    app.send('PATCH', path, {
      json,
      token,
      headers: { 'content-type': 'application/merge-patch+json' },
    });
  const newCrate = async () => `/api/crates/${(await app.newCrate(user.access)).id}`;
  const newScroll = async (title: string) => {
    const json = { ...scroll, title };
    const { body } = await app.send('POST', '/api/scrolls', { json, token: user.access });
    return `/api/scrolls/${String(body.id)}`;
  };

  // Those examples of appendix A whose target and patch are objects with one level, with the fields of a
  // scroll and a crate in place of "a" and "b".
  it.each<[string, object, object, object]>([
    ['{"a":"b"} + {"a":"c"}', { title: 'b' }, { title: 'c' }, { title: 'c' }],
    ['{"a":"b"} + {"b":"c"}', { title: 'e' }, { topic: 'c' }, { title: 'e', topic: 'c' }],
    ['{"a":"b"} + {"a":null}', { title: 'f' }, { priority: null }, { title: 'f', priority: null }],
    [
      '{"a":"b","b":"c"} + {"a":null}',
      { title: 'g', priority: 3 },
      { priority: null },
      { title: 'g', topic: 'Office', priority: null },
    ],
    [
      '{"e":null} + {"a":1}',
      { title: 'h', priority: null },
      { topic: 'x' },
      { priority: null, topic: 'x' },
    ],
  ])('follows the example %s of appendix A', async (_, values, sent, expected) => {
    const json = { ...scroll, ...values };
    const { body } = await app.send('POST', '/api/scrolls', { json, token: user.access });
    const path = `/api/scrolls/${String(body.id)}`;
    const answer = await patch(path, sent);
    expect([answer.status, answer.body]).toEqual([200, { ...body, ...expected }]);
    expect((await app.get(path, { token: user.access })).body).toEqual(answer.body);
  });

  it.each([
    ['{"a":["b"]} + {"a":"c"}', { tags: 'c' }],
    ['{"a":"b"} + {"a":["c"]}', { label: ['c'] }],
    ['{"a":"foo"} + null', null],
    ['{"a":"foo"} + "bar"', 'bar'],
    ['{"a":"b"} + ["c"]', ['c']],
    ['{"a":{"b":"c"}} + {"a":{"b":null}}', { label: { b: null } }],
  ])('refuses the example %s of appendix A, whose result is no valid row', async (_, sent) => {
    const path = await newCrate();
    const before = (await app.get(path)).body;
    expect((await patch(path, sent)).body.code).toBe('validation_failed');
    expect((await app.get(path)).body).toEqual(before);
  });

  it('replaces a list as a whole', async () => {
    const path = await newCrate();
    expect((await patch(path, { tags: ['hot'] })).body).toEqual({
      ...crate,
      ...{ id: Number(path.split('/').at(-1)), tags: ['hot'] },
    });
  });

  it('obeys the rules of PUT for each field', async () => {
    const path = await newCrate();
    const id = Number(path.split('/').at(-1));
    for (const [sent, message] of [
      [{ count: 0 }, { count: ['Must be greater than or equal to 1.'] }],
      [
        { count: null, label: 5 },
        { label: ['Not a valid string.'], count: ['Field may not be null.'] },
      ],
      [{ colour: 'red' }, { colour: ['Unknown field.'] }],
      [{ tags: ['x', 1] }, { tags: ['Not a valid list.'] }],
    ] as const) {
      const { status, body } = await patch(path, sent);
      expect([status, Object.keys(body.message as object)]).toEqual([400, Object.keys(message)]);
    }
    expect((await patch(path, { id, count: 3 })).status).toBe(200);
    expect((await patch(path, { id: id + 1, count: 4 })).body.code).toBe('id_mismatch');
    expect((await patch(path, { id, label: 'e\u0301' })).status).toBe(200);
  });

  it('refuses a conflict with another row, and changes nothing', async () => {
    await newScroll('taken');
    const path = await newScroll('free');
    const { status, body } = await patch(path, { title: 'taken', priority: 9 });
    expect([status, body.code]).toEqual([409, 'scroll_exists']);
    expect((await app.get(path, { token: user.access })).body).toMatchObject({
      ...{ title: 'free', priority: 2 },
    });
  });

  it('finds no row of another user, and none that does not exist', async () => {
    const path = await newScroll('mine');
    const other = await app.newLogin();
    expect((await patch(path, { priority: 1 }, other.access)).status).toBe(404);
    expect((await patch('/api/crates/2147483646', { count: 1 })).status).toBe(404);
    expect((await patch('/api/crates/2147483646', { count: 0 })).status).toBe(400);
  });

  it.each(['text/plain', 'x', 'application/json-patch+json', 'application/json; charset=latin1'])(
    'answers 415 with Accept-Patch to a body of the type %s',
    async (type) => {
      const options = { raw: '{}', token: user.access, headers: { 'content-type': type } };
      const { status, headers } = await app.send('PATCH', await newCrate(), options);
      expect([status, headers.get('accept-patch')]).toEqual([415, ACCEPTED]);
    },
  );

  it('accepts a merge patch only for PATCH', async () => {
    const headers = { 'content-type': 'application/merge-patch+json' };
    const options = { json: crate, token: user.access, headers };
    for (const [method, path] of [
      ['POST', '/api/crates'],
      ['PUT', await newCrate()],
    ] as const) {
      const answer = await app.send(method, path, options);
      expect([answer.status, answer.headers.get('accept-patch')]).toEqual([415, null]);
    }
    const json = await app.send('PATCH', await newCrate(), { json: {}, token: user.access });
    expect(json.status).toBe(200);
  });

  it('names the media types in the answer to OPTIONS', async () => {
    const { status, headers } = await app.send('OPTIONS', await newCrate());
    expect([status, headers.get('accept-patch')]).toEqual([204, ACCEPTED]);
    expect((await app.send('OPTIONS', '/api/crates')).headers.get('accept-patch')).toBeNull();
  });

  describe('on a user', () => {
    it('renames the user without a password, and keeps the sessions', async () => {
      const { id, access, name } = await app.newLogin();
      const { status, body } = await patch(`/api/users/${id}`, { name: `${name}-2` }, access);
      expect([status, body]).toEqual([200, { id, name: `${name}-2` }]);
      expect((await app.get('/auth/me', { token: access })).body.name).toBe(`${name}-2`);
    });

    it('changes a password by the rules of PUT, and ends the sessions', async () => {
      const { id, access, name, password } = await app.newLogin();
      const path = `/api/users/${id}`;
      const next = { password: 'another password' };
      expect((await patch(path, next, access)).body.message).toEqual({
        current_password: ['Missing data for required field.'],
      });
      const wrong = await patch(path, { ...next, current_password: 'wrong' }, access);
      expect(wrong.body.code).toBe('current_password_wrong');
      const named = { password: name, current_password: password };
      expect((await patch(path, named, access)).status).toBe(400);
      const changed = await patch(path, { ...next, current_password: password }, access);
      expect([changed.status, changed.body]).toEqual([200, { id, name }]);
      expect((await app.get('/auth/me', { token: access })).status).toBe(401);
      await app.login({ name, ...next });
    });

    it('refuses a name that is taken or invalid, and a current password without a new one', async () => {
      const { id, access, password } = await app.newLogin();
      const path = `/api/users/${id}`;
      expect((await patch(path, { name: user.name.toUpperCase() }, access)).body.code).toBe(
        'name_taken',
      );
      expect((await patch(path, { name: ' x' }, access)).body.code).toBe('validation_failed');
      expect((await patch(path, { current_password: password }, access)).body.message).toEqual({
        current_password: ['Unknown field.'],
      });
    });

    it('needs a fresh token of the user, or of an administrator', async () => {
      const { id, refresh, name } = await app.newLogin();
      const path = `/api/users/${id}`;
      const admin = await app.newLogin('admin');
      expect((await patch(path, { name: `${name}-3` }, user.access)).status).toBe(403);
      const { body } = await app.send('POST', '/auth/refresh', { token: refresh });
      const stale = await patch(path, { name: `${name}-3` }, body.access_token as string);
      expect(stale.body.code).toBe('fresh_token_required');
      expect((await patch(path, { name: `${name}-3` }, admin.access)).status).toBe(200);
    });
  });
});
