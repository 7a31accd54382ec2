import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Answer, LoggedIn } from '../../support/client.js';
import { Crate } from '../../support/fixture/crate.entity.js';
import { crate } from '../../support/fixture/crates.js';
import { bootFixtureApp } from '../../support/fixture-app.js';
import type { TestApp } from '../../support/test-app.js';

interface Resource {
  path: string;
  /** A body for `PUT`. */
  body: Record<string, unknown>;
  /** A part of it for `PATCH`, with another value. */
  change: Record<string, unknown>;
}

const scroll = { title: 'Buy lamps', topic: 'Office', priority: 2 };
let count = 0;

describe('Conditional requests', () => {
  let app: TestApp;
  let user: LoggedIn;

  beforeAll(async () => {
    app = await bootFixtureApp();
    user = await app.newLogin();
  });
  afterAll(() => app.close());

  const send = (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    json?: object,
  ) => app.send(method, path, { token: user.access, headers, ...(json && { json }) });
  const etagOf = ({ headers }: Answer) => headers.get('etag') ?? '';
  const read = async (path: string) => {
    const answer = await send('GET', path);
    return { etag: etagOf(answer), body: answer.body };
  };
  const newCrate = async (): Promise<Resource> => {
    const { body } = await send('POST', '/api/crates', {}, crate);
    return { path: `/api/crates/${String(body.id)}`, body: crate, change: { count: 7 } };
  };
  const newScroll = async (): Promise<Resource> => {
    const values = { ...scroll, title: `Scroll ${++count}` };
    const { body } = await send('POST', '/api/scrolls', {}, values);
    return { path: `/api/scrolls/${String(body.id)}`, body: values, change: { priority: null } };
  };
  const newUser = async (): Promise<Resource> => {
    user = await app.newLogin();
    const body = { name: user.name, password: user.password };
    return { path: `/api/users/${user.id}`, body, change: { name: `${user.name}-2` } };
  };

  describe.each([
    ['a resource that anyone can read', newCrate],
    ['a resource with an owner', newScroll],
    ['a user', newUser],
  ])('on %s', (_, create) => {
    let resource: Resource;
    let etag: string;

    beforeEach(async () => {
      resource = await create();
      ({ etag } = await read(resource.path));
    });

    it('sends a strong ETag, the same on each read, and with HEAD', async () => {
      expect(etag).toMatch(/^"[0-9a-z]+"$/);
      const head = await send('HEAD', resource.path);
      expect([etagOf(head), (await read(resource.path)).etag]).toEqual([etag, etag]);
    });

    it('changes the ETag with every PUT and PATCH, and sends it with their answers', async () => {
      const put = await send('PUT', resource.path, {}, resource.body);
      expect(etagOf(put)).not.toBe(etag);
      expect((await read(resource.path)).etag).toBe(etagOf(put));
      const patch = await send('PATCH', resource.path, {}, resource.change);
      expect([put.status, patch.status]).toEqual([200, 200]);
      expect(etagOf(patch)).not.toBe(etagOf(put));
      expect((await read(resource.path)).etag).toBe(etagOf(patch));
    });

    it('keeps the ETag with a PATCH that names no field', async () => {
      const { status, headers } = await send('PATCH', resource.path, {}, {});
      expect([status, headers.get('etag')]).toEqual([200, etag]);
    });

    it.each([
      ['the ETag', (tag: string) => tag],
      ['the ETag in a list', (tag: string) => `"x", W/"y" ,${tag}`],
      ['a weak form of the ETag', (tag: string) => `W/${tag}`],
      ['*', () => '*'],
    ])('answers If-None-Match with %s by 304 without a body', async (_name, header) => {
      const headers = { 'if-none-match': header(etag) };
      for (const method of ['GET', 'HEAD']) {
        const answer = await send(method, resource.path, headers);
        expect([answer.status, answer.text, etagOf(answer)]).toEqual([304, '', etag]);
        expect(answer.headers.get('content-type')).toBeNull();
      }
    });

    it.each(['"x"', '""', '"', 'W/', 'x', '"a" "b"', ''])(
      'answers If-None-Match with %j by 200',
      async (header) => {
        const { status } = await send('GET', resource.path, { 'if-none-match': header });
        expect(status).toBe(200);
      },
    );

    it('hides no change behind a 304', async () => {
      await send('PATCH', resource.path, {}, resource.change);
      const { status, body } = await send('GET', resource.path, { 'if-none-match': etag });
      expect([status, body]).toMatchObject([200, resource.change]);
    });

    it.each([
      ['the ETag', (tag: string) => tag],
      ['a list with the ETag', (tag: string) => `"x",${tag}, "a,b"`],
      ['*', () => '*'],
    ])('writes if If-Match is %s', async (_name, header) => {
      for (const [method, json] of [
        ['PATCH', resource.change],
        ['PUT', resource.body],
        ['DELETE', undefined],
      ] as const) {
        const current = (await read(resource.path)).etag;
        const answer = await send(method, resource.path, { 'if-match': header(current) }, json);
        expect(answer.status).toBe(method === 'DELETE' ? 204 : 200);
      }
    });

    it.each([
      ['another tag', () => '"x"'],
      ['a weak form of the ETag', (tag: string) => `W/${tag}`],
      ['no list of tags', (tag: string) => tag.slice(1, -1)],
      ['empty', () => ''],
      ['a number that is too large', () => '"zzzzzzzzzzzzzzzzzzz"'],
    ])(
      'refuses a write with 412, and changes nothing, if If-Match is %s',
      async (_name, header) => {
        const before = await read(resource.path);
        for (const [method, json] of [
          ['PUT', { ...resource.body, ...resource.change }],
          ['PATCH', resource.change],
          ['PATCH', {}],
          ['DELETE', undefined],
        ] as const) {
          const headers = { 'if-match': header(etag) };
          const { status, body } = await send(method, resource.path, headers, json);
          expect([status, body]).toMatchObject([412, { code: 'precondition_failed' }]);
        }
        expect(await read(resource.path)).toEqual(before);
      },
    );

    it('refuses a write with 412 if If-None-Match names the ETag or is *', async () => {
      for (const header of [etag, '*']) {
        const headers = { 'if-none-match': header };
        expect((await send('PUT', resource.path, headers, resource.body)).status).toBe(412);
        expect((await send('DELETE', resource.path, headers)).status).toBe(412);
      }
      const other = await send('PATCH', resource.path, { 'if-none-match': '"x"' }, resource.change);
      expect(other.status).toBe(200);
    });

    it('refuses a write with the ETag from before another write', async () => {
      await send('PATCH', resource.path, { 'if-match': etag }, resource.change);
      const before = await read(resource.path);
      for (const [method, json] of [
        ['PUT', resource.body],
        ['DELETE', undefined],
      ] as const) {
        expect((await send(method, resource.path, { 'if-match': etag }, json)).status).toBe(412);
      }
      expect(await read(resource.path)).toEqual(before);
    });

    it('lets exactly one of concurrent writes with one ETag succeed', async () => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_unused, index) =>
          send(
            'PATCH',
            resource.path,
            { 'if-match': etag },
            {
              ...resource.change,
              ...('name' in resource.change && {
                name: `${String(resource.change.name)}-${index}`,
              }),
            },
          ),
        ),
      );
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(1);
      expect(statuses.filter((status) => status === 412)).toHaveLength(9);
      const winner = answers.find(({ status }) => status === 200)!;
      expect(await read(resource.path)).toEqual({ etag: etagOf(winner), body: winner.body });
    });

    it('checks the token, the media type, the body and the existence before If-Match', async () => {
      const stale = { 'if-match': '"x"' };
      const { path, body } = resource;
      const missing = path.replace(/\d+$/, '2147483646');
      const text = { ...stale, 'content-type': 'text/plain' };
      const answers = [
        await app.send('PUT', path, { json: body, headers: stale }),
        await app.send('PUT', path, { raw: 'x', headers: text, token: user.access }),
        await send('PUT', path, stale, { surprise: 1 }),
        await send('PUT', path, stale, { ...body, id: 1_000_000 }),
        await send('PUT', path, stale, body),
      ];
      expect(answers.map(({ status }) => status)).toEqual([401, 415, 400, 400, 412]);
      if (path.includes('users')) return;
      expect((await send('PUT', missing, stale, body)).status).toBe(404);
      expect((await send('PATCH', missing, stale, {})).status).toBe(404);
      expect((await send('DELETE', missing, stale)).status).toBe(404);
    });
  });

  it('keeps the ETag of a user at a login, a change of the password and a change of roles', async () => {
    const { path } = await newUser();
    const admin = await app.newLogin('admin');
    const { etag } = await read(path);
    await app.login(user);
    await app.send('PUT', `${path}/roles`, { token: admin.access, json: { roles: ['admin'] } });
    user = { ...user, ...(await app.login(user)) };
    const json = { current_password: user.password, new_password: 'another password' };
    const changed = await app.send('POST', '/auth/password', { token: user.access, json });
    expect(changed.status).toBe(200);
    expect((await app.get(path)).headers.get('etag')).toBe(etag);
    user = await app.newLogin();
  });

  it('sends the ETag of a created resource with 201', async () => {
    const { status, headers, body } = await send('POST', '/api/crates', {}, crate);
    const { etag } = await read(`/api/crates/${String(body.id)}`);
    expect([status, headers.get('etag')]).toEqual([201, etag]);
    const registered = await app.send('POST', '/api/users', {
      json: { name: `someone-${Date.now()}`, password: 'a password' },
    });
    const { etag: ofUser } = await read(`/api/users/${String(registered.body.id)}`);
    expect(etagOf(registered)).toBe(ofUser);
  });

  describe('on lists', () => {
    const tagOf = async (query: string, path = '/api/crates') =>
      etagOf(await send('GET', path + query));

    it('sends a weak ETag, and answers If-None-Match by 304', async () => {
      await newCrate();
      const list = await send('GET', '/api/crates?limit=1&sort=-id');
      expect(etagOf(list)).toMatch(/^W\/".{22}"$/);
      for (const method of ['GET', 'HEAD']) {
        const headers = { 'if-none-match': etagOf(list) };
        const again = await send(method, '/api/crates?limit=1&sort=-id', headers);
        expect([again.status, again.text]).toEqual([304, '']);
      }
    });

    it('changes it with each shown row, and with the addition of a next page', async () => {
      const { path, change } = await newCrate();
      const id = Number(path.split('/').at(-1));
      const last = `?id[gte]=${id}&limit=1`;
      const before = await tagOf(last);
      expect(await tagOf(last)).toBe(before);
      await newCrate();
      const withNext = await tagOf(last);
      expect(withNext).not.toBe(before);
      await send('PATCH', path, {}, change);
      expect(await tagOf(last)).not.toBe(withNext);
    });

    it('lets a browser store the lists and resources that anyone can read, and revalidate them', async () => {
      const { path } = await newCrate();
      for (const open of [path, '/api/crates']) {
        expect((await app.get(open)).headers.get('cache-control')).toBe('no-cache');
      }
      for (const own of [(await newScroll()).path, '/api/scrolls']) {
        expect((await send('GET', own)).headers.get('cache-control')).toBe('no-store');
      }
    });
  });

  it('changes the ETag if a statement of an earlier version of the service changes the row', async () => {
    const { path } = await newUser();
    const { etag } = await read(path);
    await app.sql((manager) =>
      manager.query(`UPDATE users SET name = 'renamed-${user.id}' WHERE id = ${user.id}`),
    );
    expect((await read(path)).etag).not.toBe(etag);
  });

  it('gives rows from before versions an ETag', async () => {
    const { path } = await newCrate();
    const id = Number(path.split('/').at(-1));
    await app.sql((manager) => manager.update(Crate, { id }, { version: 0 }));
    const { etag } = await read(path);
    expect(etag).toBe('"0"');
    expect((await send('PUT', path, { 'if-match': etag }, crate)).status).toBe(200);
    expect((await send('PUT', path, { 'if-match': etag }, crate)).status).toBe(412);
  });
});

describe('REQUIRE_IF_MATCH', () => {
  let app: TestApp;
  let token: string;
  let user: LoggedIn;

  beforeAll(async () => {
    app = await bootFixtureApp({ REQUIRE_IF_MATCH: 'true' });
    user = await app.newLogin();
    token = user.access;
  });
  afterAll(() => app.close());

  it('refuses PUT, PATCH and DELETE without If-Match with 428, after 404', async () => {
    const { id } = await app.newCrate(token);
    const { body } = await app.send('POST', '/api/scrolls', { token, json: scroll });
    const targets = [
      [`/api/crates/${id}`, crate],
      [`/api/scrolls/${String(body.id)}`, scroll],
      [`/api/users/${user.id}`, { name: user.name, password: user.password }],
    ] as const;
    for (const [path, json] of targets) {
      const { headers } = await app.get(path, { token });
      for (const [method, sent] of [
        ['PUT', json],
        ['PATCH', {}],
        ['DELETE', undefined],
      ] as const) {
        const options = { token, ...(sent && { json: sent }) };
        const refused = await app.send(method, path, options);
        expect([refused.status, refused.body]).toMatchObject([
          428,
          { code: 'precondition_required', error: 'Precondition Required' },
        ]);
        if (path.includes('users')) continue;
        const missing = await app.send(method, path.replace(/\d+$/, '2147483646'), options);
        expect(missing.status).toBe(404);
      }
      const again = await app.get(path, { token });
      expect(again.headers.get('etag')).toBe(headers.get('etag'));
      const match = { 'if-match': headers.get('etag')! };
      expect((await app.send('PUT', path, { token, json, headers: match })).status).toBe(200);
    }
  });
});
