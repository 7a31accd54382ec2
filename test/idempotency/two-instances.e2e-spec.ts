import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../support/client.js';
import { Crate } from '../support/fixture/crate.entity.js';
import { crate } from '../support/fixture/crates.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import type { TestApp } from '../support/test-app.js';

const scroll = { title: 'Buy lamps', topic: 'Office', priority: 2 };

describe('Two instances on a database', () => {
  let instances: TestApp[];
  let token: string;

  beforeAll(async () => {
    const first = await bootFixtureApp();
    instances = [first, await bootFixtureApp({}, { database: first.database, examples: false })];
    ({ access: token } = await first.newLogin());
  });
  afterAll(async () => {
    await instances[1]!.app.close();
    await instances[0]!.close();
  });

  /** Sends requests at once, in turn to both instances. */
  const sendAll = (count: number, send: (app: TestApp, index: number) => Promise<Answer>) =>
    Promise.all(Array.from({ length: count }, (_, index) => send(instances[index % 2]!, index)));
  const seen = ({ status, text, headers }: Answer) => [
    ...[status, text, headers.get('location'), headers.get('etag')],
  ];
  const countOf = (answers: Answer[], status: number) =>
    answers.filter((answer) => answer.status === status).length;

  it('give 20 identical requests with one Idempotency-Key one answer, and create one row', async () => {
    const rows = () => instances[0]!.sql((manager) => manager.count(Crate));
    const before = await rows();
    const headers = { 'idempotency-key': 'twenty' };
    const answers = await sendAll(20, (app) =>
      app.send('POST', '/api/crates', { json: crate, token, headers }),
    );
    expect(answers.map(seen)).toEqual(answers.map(() => seen(answers[0]!)));
    expect([answers[0]!.status, await rows()]).toEqual([201, before + 1]);
    const replays = answers.filter((answer) => answer.headers.has('idempotent-replayed'));
    expect(replays).toHaveLength(19);
  });

  it('give identical requests one answer if another row like it is refused', async () => {
    const headers = { 'idempotency-key': 'unique' };
    const answers = await sendAll(10, (app) =>
      app.send('POST', '/api/scrolls', { json: scroll, token, headers }),
    );
    expect(answers.map(seen)).toEqual(answers.map(() => seen(answers[0]!)));
    expect(answers[0]!.status).toBe(201);
  });

  it('register a user once for identical requests, which all get the answer', async () => {
    const json = { name: 'registered once', password: 'correct horse' };
    const headers = { 'idempotency-key': 'user' };
    const answers = await sendAll(10, (app) => app.send('POST', '/api/users', { json, headers }));
    expect(answers.map(seen)).toEqual(answers.map(() => seen(answers[0]!)));
    expect(answers[0]!.status).toBe(201);
  });

  it.each(['PUT', 'PATCH'])(
    'let exactly one of 50 concurrent %ss with one ETag succeed',
    async (method) => {
      const { id } = await instances[0]!.newCrate(token);
      const path = `/api/crates/${id}`;
      const etag = (await instances[0]!.get(path)).headers.get('etag')!;
      const answers = await sendAll(50, (app, index) => {
        const json = { ...crate, count: index + 1 };
        return app.send(method, path, { json, token, headers: { 'if-match': etag } });
      });
      expect([countOf(answers, 200), countOf(answers, 412)]).toEqual([1, 49]);
      const winner = answers.find(({ status }) => status === 200)!;
      expect((await instances[1]!.get(path)).body).toEqual(winner.body);
    },
  );

  it('let exactly one of 50 concurrent DELETEs with one ETag succeed', async () => {
    const { id } = await instances[0]!.newCrate(token);
    const path = `/api/crates/${id}`;
    const etag = (await instances[0]!.get(path)).headers.get('etag')!;
    const answers = await sendAll(50, (app) =>
      app.send('DELETE', path, { token, headers: { 'if-match': etag } }),
    );
    expect([countOf(answers, 204), countOf(answers, 404)]).toEqual([1, 49]);
  });
});
