import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { In } from 'typeorm';
import { Database } from '../../src/database/database.js';
import { valuesOf } from '../../src/validation/columns.js';
import { Crate } from '../support/fixture/crate.entity.js';
import { User } from '../../src/users/user.entity.js';
import type { LoggedIn } from '../support/client.js';
import { crate } from '../support/fixture/crates.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import type { TestApp } from '../support/test-app.js';
import { engine } from '../support/test-database.js';

const crateRow = valuesOf(Crate, crate);
const hundred = Array.from({ length: 100 }, (_, i) => i);

describe('Writes', () => {
  let app: TestApp;
  let user: LoggedIn;

  beforeAll(async () => {
    app = await bootFixtureApp();
    user = await app.newLogin();
  });
  afterAll(() => app.close());

  const names = async (prefix: string): Promise<string[]> => {
    const users = await app.sql((manager) => manager.find(User));
    return users.map(({ name }) => name).filter((name) => name.startsWith(prefix));
  };

  it('keeps 100 concurrent writes that succeed apart from 100 that fail', async () => {
    const register = (name: string) =>
      app.send<{ id: number }>('POST', '/api/users', { json: { name, password: 'secret' } });
    await register('mix-taken');
    const answers = await Promise.all(
      hundred.flatMap((i) => [register('mix-taken'), register(`mix-${i}`)]),
    );
    const [refused, kept] = [
      answers.filter((_, i) => i % 2 === 0),
      answers.filter((_, i) => i % 2),
    ];
    expect(refused.map(({ status }) => status)).toEqual(hundred.map(() => 400));
    expect(kept.map(({ status }) => status)).toEqual(hundred.map(() => 201));
    expect((await names('mix-')).sort()).toEqual(
      ['mix-taken', ...hundred.map((i) => `mix-${i}`)].sort(),
    );
    expect(new Set(kept.map(({ body }) => body.id)).size).toBe(100);
  });

  it('changes nothing for refused changes of users while concurrent writes succeed', async () => {
    const users = await Promise.all(hundred.slice(0, 20).map(() => app.newLogin()));
    const taken = await app.newUser();
    const answers = await Promise.all(
      users.flatMap(({ id, name, access: token }) => [
        app.send('PUT', `/api/users/${id}`, {
          token,
          json: { name: taken.name, password: 'changed' },
        }),
        app.send('POST', '/api/crates', { token, json: { ...crate, label: `of ${name}` } }),
      ]),
    );
    expect(answers.map(({ status }) => status)).toEqual(users.flatMap(() => [400, 201]));
    for (const each of users) await app.login(each);
    const labels = await app.sql((manager) => manager.find(Crate));
    for (const { name } of users) {
      expect(labels.filter(({ label }) => label === `of ${name}`)).toHaveLength(1);
    }
  });

  it('rolls back writes that fail in the middle, and keeps concurrent writes', async () => {
    const database = app.app.get(Database);
    const failing = (i: number) =>
      database.write(async (manager) => {
        await manager.insert(Crate, { ...crateRow, label: `half-${i}` });
        await new Promise((resolve) => setImmediate(resolve));
        await manager.insert(Crate, { ...crateRow, label: `half-${i}` });
        throw new Error('in the middle');
      });
    const results = await Promise.allSettled(
      hundred.flatMap((i) => [
        failing(i),
        app.send('POST', '/api/crates', {
          token: user.access,
          json: { ...crate, label: `whole-${i}` },
        }),
      ]),
    );
    const outcomes = results.map(({ status }) => status);
    expect(outcomes).toEqual(hundred.flatMap(() => ['rejected', 'fulfilled']));
    const labels = (await app.sql((manager) => manager.find(Crate))).map(({ label }) => label);
    expect(labels.filter((label) => label.startsWith('half-'))).toEqual([]);
    expect(labels.filter((label) => label.startsWith('whole-')).sort()).toEqual(
      hundred.map((i) => `whole-${i}`).sort(),
    );
  });

  it('runs a nested write in the transaction of the outer write, and lets reads see its changes', async () => {
    const database = app.app.get(Database);
    const byLabel = database.select({
      parameters: ['label'],
      query: (manager) => manager.createQueryBuilder(Crate, 'crate').where('crate.label = :label'),
    });
    const label = 'joined';
    const attempt = database.write(async () => {
      await database.write((manager) => manager.insert(Crate, { ...crateRow, label }));
      expect(await byLabel.first({ label })).toMatchObject({ label, tags: crate.tags });
      throw new Error('undo both');
    });
    await expect(attempt).rejects.toThrow('undo both');
    expect(await byLabel.first({ label })).toBeUndefined();
  });

  it('completes two writes that wait for each other’s rows', async () => {
    const database = app.app.get(Database);
    const [one, two] = await Promise.all([app.newCrate(user.access), app.newCrate(user.access)]);
    let held = 0;
    const bothHold = new EventEmitter();
    const rename = (first: number, second: number, label: string) =>
      database.write(async (manager) => {
        await manager.update(Crate, { id: first }, { label });
        // SQLite runs writes one after the other, so that they cannot wait for each other.
        if (engine === 'postgres' && ++held < 2) await once(bothHold, 'now');
        bothHold.emit('now');
        await manager.update(Crate, { id: second }, { label });
        return label;
      });
    const done = await Promise.all([
      rename(one.id, two.id, 'there'),
      rename(two.id, one.id, 'back'),
    ]);
    expect(done).toEqual(['there', 'back']);
    if (engine === 'postgres') expect(held).toBeGreaterThan(2);
    const labels = await app.sql((manager) => manager.findBy(Crate, { id: In([one.id, two.id]) }));
    expect(new Set(labels.map(({ label }) => label)).size).toBe(1);
  });

  if (engine === 'postgres') {
    it('repeats a write that the server rolled back because of a serialization failure', async () => {
      const database = app.app.get(Database);
      const label = 'serialized';
      let runs = 0;
      await database.write(async (manager) => {
        runs++;
        await manager.insert(Crate, { ...crateRow, label });
        if (runs > 2) return;
        await manager.query("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$");
      });
      expect(runs).toBe(3);
      const labels = await app.sql((manager) => manager.findBy(Crate, { label }));
      expect(labels).toHaveLength(1);
    });

    it('answers 503 if a serialization failure occurs in every attempt', async () => {
      const database = app.app.get(Database);
      const attempt = database.write((manager) =>
        manager.query("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$"),
      );
      await expect(attempt).rejects.toMatchObject({ code: 'service_unavailable' });
    });
  }

  if (engine === 'sqlite') {
    it('yields to the event loop between writes of some milliseconds', async () => {
      const database = app.app.get(Database);
      let turns = 0;
      let done = false;
      const count = (): void => {
        turns++;
        if (!done) setImmediate(count);
      };
      setImmediate(count);
      await Promise.all(
        hundred.slice(0, 20).map(() =>
          database.write(async () => {
            const end = performance.now() + 12;
            while (performance.now() < end);
          }),
        ),
      );
      done = true;
      expect(turns).toBeGreaterThanOrEqual(20);
    });
  }

  it('hides a write from other requests until it is committed', async () => {
    const database = app.app.get(Database);
    await database.write(async (manager) => {
      const { identifiers } = await manager.insert(Crate, { ...crateRow, label: 'unseen' });
      const id = identifiers[0]?.id as number;
      expect((await app.get(`/api/crates/${id}`)).status).toBe(404);
    });
  });

  it('adds one of twenty concurrent copies of a row with a unique index', async () => {
    const { access: token } = await app.newLogin();
    const json = { title: 'Buy lamps', topic: 'Office' };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => app.send('POST', '/api/scrolls', { token, json })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    const refused = answers.filter(({ status }) => status === 409);
    expect(refused).toHaveLength(19);
    expect(refused[0]!.body.code).toBe('scroll_exists');
    expect((await app.get<unknown[]>('/api/scrolls', { token })).body).toHaveLength(1);
  });
});
