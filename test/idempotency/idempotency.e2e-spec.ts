import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { IdempotencyRecord } from '../../src/idempotency/idempotency-record.entity.js';
import { IdempotencyRecordRepository } from '../../src/idempotency/idempotency-record.repository.js';
import { LoginThrottleService } from '../../src/auth/throttle/login-throttle.service.js';
import type { Answer, LoggedIn } from '../support/client.js';
import { Crate } from '../support/fixture/crate.entity.js';
import { crate } from '../support/fixture/crates.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import type { TestApp } from '../support/test-app.js';
import { User } from '../../src/users/user.entity.js';

const scroll = { title: 'Buy lamps', topic: 'Office', priority: 2 };
let keys = 0;
const newKey = () => `key ${++keys}`;
const newName = () => `someone-${process.pid}-${++keys}`;

/** What a client sees of an answer, apart from what belongs to each request. */
const seen = ({ status, text, headers }: Answer) => ({
  ...{ status, text },
  ...{ location: headers.get('location'), etag: headers.get('etag') },
});
const isReplay = ({ headers }: Answer) => headers.get('idempotent-replayed') === 'true';

describe('Idempotency-Key', () => {
  let app: TestApp;
  let user: LoggedIn;

  beforeAll(async () => {
    app = await bootFixtureApp();
  });
  beforeEach(async () => {
    user = await app.newLogin();
  });
  afterAll(() => app.close());

  const post = (path: string, json: object, key: string, token = user.access) =>
    app.send('POST', path, { json, token, headers: { 'idempotency-key': key } });
  const register = (json: object, key: string) =>
    app.send('POST', '/api/users', { json, headers: { 'idempotency-key': key } });
  const rows = () => app.sql((manager) => manager.count(Crate));
  const records = (values: object = {}) =>
    app.sql((manager) => manager.find(IdempotencyRecord, { where: values }));

  it('answers a repeated request like the first one, and creates nothing', async () => {
    const key = newKey();
    const before = await rows();
    const first = await post('/api/crates', crate, key);
    expect([first.status, isReplay(first)]).toEqual([201, false]);
    for (let repeat = 0; repeat < 3; repeat++) {
      const again = await post('/api/crates', crate, key);
      expect([seen(again), isReplay(again)]).toEqual([seen(first), true]);
    }
    expect(await rows()).toBe(before + 1);
  });

  it('repeats the first answer after the resource has changed or is deleted', async () => {
    const key = newKey();
    const first = await post('/api/scrolls', scroll, key);
    const path = `/api/scrolls/${String(first.body.id)}`;
    await app.send('PATCH', path, { token: user.access, json: { priority: 9 } });
    expect(seen(await post('/api/scrolls', scroll, key))).toEqual(seen(first));
    await app.send('DELETE', path, { token: user.access });
    expect(seen(await post('/api/scrolls', scroll, key))).toEqual(seen(first));
    expect((await app.get(path, { token: user.access })).status).toBe(404);
  });

  it('takes bodies for the same if they differ in white space and the order of members', async () => {
    const key = newKey();
    const first = await post('/api/scrolls', scroll, key);
    const raw = JSON.stringify({ priority: 2, topic: 'Office', title: 'Buy lamps' }, null, 2);
    const headers = { 'idempotency-key': key };
    const again = await app.send('POST', '/api/scrolls', { raw, headers, token: user.access });
    expect(seen(again)).toEqual(seen(first));
  });

  it('refuses another body with 422', async () => {
    const key = newKey();
    const before = await rows();
    await post('/api/crates', crate, key);
    const { status, body } = await post('/api/crates', { ...crate, count: 1 }, key);
    expect([status, body]).toMatchObject([
      422,
      { code: 'idempotency_key_reused', error: 'Unprocessable Entity' },
    ]);
    expect(await rows()).toBe(before + 1);
  });

  it('checks the token and the body before the key', async () => {
    const headers = { 'idempotency-key': '' };
    expect((await app.send('POST', '/api/crates', { json: crate, headers })).status).toBe(401);
    const key = newKey();
    await post('/api/crates', crate, key);
    const { body } = await post('/api/crates', { ...crate, count: 'x' }, key);
    expect(body.code).toBe('validation_failed');
  });

  it('refuses a request without a body with 400', async () => {
    const headers = { 'idempotency-key': newKey() };
    const { status, body } = await app.send('POST', '/api/crates', { headers, token: user.access });
    expect([status, body.code]).toEqual([400, 'validation_failed']);
  });

  it.each([
    ['empty', ''],
    ['too long', 'x'.repeat(256)],
    ['not ASCII', 'cl\u00e9'],
    ['a tab inside', 'a\tb'],
  ])('refuses a key with 400 that is %s', async (_, key) => {
    const { status, body } = await post('/api/crates', crate, key);
    expect([status, body.code]).toEqual([400, 'idempotency_key_invalid']);
  });

  it('accepts every printable character, and 255 of them', async () => {
    for (const key of ['"quoted, with; commas"', '~'.repeat(255), '!']) {
      expect((await post('/api/crates', crate, key)).status).toBe(201);
      expect(isReplay(await post('/api/crates', crate, key))).toBe(true);
    }
  });

  it('keeps the keys of callers and of routes apart', async () => {
    const key = newKey();
    const other = await app.newLogin();
    const answers = [
      await post('/api/scrolls', scroll, key),
      await post('/api/scrolls', scroll, key, other.access),
      await post('/api/crates', crate, key),
      await register({ name: newName(), password: 'a password' }, key),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(answers.some(isReplay)).toBe(false);
  });

  it('ignores the key on other routes', async () => {
    const headers = { 'idempotency-key': '' };
    const json = { username: user.name, password: user.password };
    expect((await app.send('POST', '/auth/login', { json, headers })).status).toBe(200);
  });

  it('stores no refusal, so that the request can be repeated', async () => {
    const [key, other] = [newKey(), newKey()];
    const { body } = await post('/api/scrolls', scroll, other);
    const refused = await post('/api/scrolls', scroll, key);
    expect([refused.status, refused.body.code]).toEqual([409, 'scroll_exists']);
    await app.send('DELETE', `/api/scrolls/${String(body.id)}`, { token: user.access });
    const again = await post('/api/scrolls', scroll, key);
    expect([again.status, isReplay(again)]).toEqual([201, false]);
  });

  it('stores neither the row nor the answer if one of them cannot be written', async () => {
    const key = newKey();
    const before = await rows();
    const repository = app.app.get(IdempotencyRecordRepository);
    const complete = jest
      .spyOn(repository, 'complete')
      .mockRejectedValueOnce(new Error('the disk is broken'));
    expect((await post('/api/crates', crate, key)).status).toBe(500);
    complete.mockRestore();
    expect([await rows(), await records({ userId: user.id })]).toEqual([before, []]);
    expect((await post('/api/crates', crate, key)).status).toBe(201);
    expect(await rows()).toBe(before + 1);
  });

  it('gives concurrent requests one answer', async () => {
    const key = newKey();
    const before = await rows();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post('/api/crates', crate, key)),
    );
    expect(answers.map(seen)).toEqual(answers.map(() => seen(answers[0]!)));
    expect(answers.filter(isReplay)).toHaveLength(19);
    expect(await rows()).toBe(before + 1);
  });

  it('forgets a key after IDEMPOTENCY_RETENTION, and removes it from the table', async () => {
    const key = newKey();
    const before = await rows();
    await post('/api/crates', crate, key);
    await app.sql((manager) =>
      manager.update(IdempotencyRecord, { userId: user.id }, { expiresAt: Date.now() }),
    );
    const again = await post('/api/crates', crate, key);
    expect([again.status, isReplay(again)]).toEqual([201, false]);
    expect(await rows()).toBe(before + 2);
    const [record] = await records({ userId: user.id });
    expect(record!.expiresAt - Date.now()).toBeGreaterThan(23 * 3600_000);
    await app.sql((manager) =>
      manager.update(IdempotencyRecord, { userId: user.id }, { expiresAt: Date.now() }),
    );
    await app.app.get(IdempotencyRecordRepository).removeAllExpired();
    expect(await records({ userId: user.id })).toEqual([]);
  });

  it('refuses a caller’s 1,001st live key with 429, but repeats the others', async () => {
    const key = newKey();
    await post('/api/crates', crate, key);
    const [{ caller }] = (await records({ userId: user.id })) as [IdempotencyRecord];
    const expiresAt = Date.now() + 3600_000;
    const fill = Array.from({ length: 998 }, (_, index) => ({
      ...{ id: `${caller} ${index}`, caller, fingerprint: '', body: '{}', version: null },
      ...{ location: '', userId: user.id, expiresAt },
    }));
    await app.sql((manager) => manager.insert(IdempotencyRecord, fill));
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => post('/api/crates', crate, newKey())),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([201, 429, 429, 429, 429]);
    const refused = answers.find(({ status }) => status === 429)!;
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(3500);
    expect(seconds).toBeLessThanOrEqual(3600);
    expect(isReplay(await post('/api/crates', crate, key))).toBe(true);
    const other = await app.newLogin();
    expect((await post('/api/crates', crate, newKey(), other.access)).status).toBe(201);
  });

  describe('of a registration', () => {
    it('creates the user once, and repeats the answer only with the same password', async () => {
      const key = newKey();
      const body = { name: newName(), password: 'correct horse' };
      const first = await register(body, key);
      const again = await register(body, key);
      expect([seen(again), isReplay(again)]).toEqual([seen(first), true]);
      const guessed = await register({ ...body, password: 'wrong horse' }, key);
      expect([guessed.status, guessed.body.code]).toEqual([422, 'idempotency_key_reused']);
      expect((await app.login(body)).access).toBeDefined();
    });

    it('gives concurrent requests one answer', async () => {
      const key = newKey();
      const body = { name: newName(), password: 'correct horse' };
      const answers = await Promise.all(Array.from({ length: 10 }, () => register(body, key)));
      expect(answers.map(seen)).toEqual(answers.map(() => seen(answers[0]!)));
      expect(answers[0]!.status).toBe(201);
    });

    it('counts wrong passwords like failed logins', async () => {
      const key = newKey();
      const body = { name: newName(), password: 'correct horse' };
      await register(body, key);
      const attempt = jest.spyOn(app.app.get(LoginThrottleService, { strict: false }), 'attempt');
      await register({ ...body, password: 'wrong horse' }, key);
      expect(attempt.mock.calls.map(([name]) => name)).toEqual([body.name]);
      attempt.mockRestore();
      let last = 0;
      for (let guess = 0; guess < 20 && last !== 429; guess++) {
        last = (await register({ ...body, password: `guess ${guess}` }, key)).status;
      }
      expect(last).toBe(429);
    });

    it('keeps nothing of the password', async () => {
      const key = newKey();
      const name = newName();
      const fingerprints = [];
      for (const password of ['correct horse', 'battery staple']) {
        const { body } = await register({ name, password }, key);
        const userId = Number(body.id);
        const [record] = await records({ userId });
        fingerprints.push(record!.fingerprint);
        expect(JSON.parse(record!.body!)).toEqual({ id: userId, name });
        await app.sql((manager) => manager.delete(IdempotencyRecord, { userId }));
        await app.sql((manager) => manager.delete(User, { id: userId }));
      }
      expect(fingerprints[0]).toBe(fingerprints[1]);
    });
  });

  it('removes the records of a deleted user, also that of the registration', async () => {
    const body = { name: newName(), password: 'a password' };
    const { body: created } = await register(body, newKey());
    const { access: token } = await app.login(body);
    await post('/api/scrolls', scroll, newKey(), token);
    expect(await records({ userId: Number(created.id) })).toHaveLength(2);
    await app.send('DELETE', `/api/users/${String(created.id)}`, { token });
    expect(await records({ userId: Number(created.id) })).toEqual([]);
  });

  it('repeats an answer after a restart', async () => {
    const key = newKey();
    const first = await post('/api/crates', crate, key);
    app = await app.restart();
    const again = await post('/api/crates', crate, key);
    expect([seen(again), isReplay(again)]).toEqual([seen(first), true]);
  });
});
