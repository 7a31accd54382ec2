import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ApiError } from '../../src/errors/api-error.js';
import { FairQueue, type QueueKeys } from '../../src/scheduling/fair-queue.js';
import { Database } from '../../src/database/database.js';
import { valuesOf } from '../../src/validation/columns.js';
import { Crate } from '../support/fixture/crate.entity.js';
import type { LoggedIn } from '../support/client.js';
import { crate } from '../support/fixture/crates.js';
import { addScrolls } from '../support/many-rows.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import type { TestApp } from '../support/test-app.js';
import { engine } from '../support/test-database.js';

/** The number of expensive reads that run at once. */
const places = engine === 'sqlite' ? 1 : 2;

describe('Expensive reads', () => {
  let app: TestApp;
  let database: Database;
  /** The queue of expensive reads. */
  let queue: FairQueue;

  beforeAll(async () => {
    app = await bootFixtureApp();
    database = app.app.get(Database);
    const queued = jest.spyOn(FairQueue.prototype, 'run');
    await read('any');
    queue = queued.mock.contexts[0] as FairQueue;
    queued.mockRestore();
  });
  afterAll(() => app.close());

  /** A read that counts to `end` before it finds the crate. */
  const counting = (end: number) =>
    database.select<Crate, 'id' | 'end'>({
      parameters: ['end', 'id'],
      expensive: true,
      query: (manager) =>
        manager.createQueryBuilder(Crate, 'crate').where(
          `(WITH RECURSIVE n(i) AS (
              SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST(:end AS integer)
            ) SELECT COUNT(*) FROM n) = ${end} AND crate.id = :id`,
        ),
    });
  const read = (group: string) => counting(10).first({ end: 10, id: 3 }, { group });

  /** Occupies all places of the queue until the returned function is called. */
  const occupy = () => {
    let free!: () => void;
    const freed = new Promise<void>((resolve) => (free = resolve));
    for (let i = 0; i < places; i++) void queue.run({ group: 'test' }, () => freed);
    return free;
  };

  it('does not delay other requests by an expensive read', async () => {
    let found: Crate | undefined;
    const reading = counting(5_000_000).first({ end: 5_000_000, id: 3 });
    void reading.then((row) => (found = row));
    expect((await app.get('/api/crates/3')).status).toBe(200);
    expect(found).toBeUndefined();
    expect((await reading)?.id).toBe(3);
  });

  it('delays an expensive read by one turn if another caller has a hundred', async () => {
    const started: unknown[] = [];
    const run = queue.run.bind(queue);
    const observed = jest.spyOn(queue, 'run').mockImplementation((keys, task, signal) => {
      const start = () => {
        started.push(keys.group);
        return task();
      };
      return run(keys, start, signal);
    });
    await Promise.all([...Array.from({ length: 100 }, () => read('many')), read('one')]);
    observed.mockRestore();
    expect(started).toHaveLength(101);
    // The first reads start at once, and find no others.
    expect(started.indexOf('one')).toBe(places);
  });

  it('refuses a caller that has a hundred queued expensive reads with 429, and no other caller', async () => {
    const results = await Promise.allSettled([
      ...Array.from({ length: 300 }, () => read('many')),
      read('one'),
    ]);
    expect(results.at(-1)!.status).toBe('fulfilled');
    const refused = results.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(200 - places);
    for (const result of refused) {
      const reason = (result as PromiseRejectedResult).reason as ApiError;
      expect([reason.kind.status, reason.headers]).toEqual([429, { 'retry-after': '5' }]);
    }
  });

  it('refuses the newest expensive reads of the busiest callers with 503 if the queue is full', async () => {
    const many = Array.from({ length: 6 }, (_, group) =>
      Array.from({ length: 90 }, () => read(`group ${group}`)),
    );
    const [few, ...all] = await Promise.all([
      Promise.allSettled([read('few')]),
      ...many.map((reads) => Promise.allSettled(reads)),
    ]);
    expect(few.map(({ status }) => status)).toEqual(['fulfilled']);
    const refused = all.flat().filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(540 - 500 - places + 1);
    for (const result of refused) {
      const reason = (result as PromiseRejectedResult).reason as ApiError;
      expect([reason.kind.status, reason.headers]).toEqual([503, { 'retry-after': '5' }]);
    }
  });

  it('shows the changes of a write to an expensive read within that write', async () => {
    const select = counting(1);
    const id = await database.write(async (manager) => {
      const values = valuesOf(Crate, crate);
      const added = (await manager.insert(Crate, values)).identifiers[0]!.id as number;
      expect((await select.first({ end: 1, id: added }))?.id).toBe(added);
      return added;
    });
    expect((await select.all({ end: 1, id })).map((row) => row.id)).toEqual([id]);
  });

  it('rejects an expensive read that fails, and runs the next one', async () => {
    const broken = database.select<Crate, never>({
      parameters: [],
      expensive: true,
      query: (manager) => manager.createQueryBuilder(Crate, 'crate').where('no_such_column = 1'),
    });
    await expect(broken.all({} as never)).rejects.toThrow(/no_such_column/);
    expect((await counting(1).first({ end: 1, id: 3 }))?.id).toBe(3);
  });

  describe('Expensive reads over HTTP', () => {
    let user: LoggedIn;

    beforeAll(async () => {
      user = await app.newLogin();
      await addScrolls(app, user.id, 300);
    });

    const get = (path: string) => app.get<unknown[]>(path, { token: user.access });
    /** The groups in which the request was queued. */
    const groupsOf = async (path: string): Promise<QueueKeys['group'][]> => {
      const queued = jest.spyOn(FairQueue.prototype, 'run');
      const { status, body } = await get(path);
      expect([status, body.length > 0]).toEqual([200, true]);
      const groups = queued.mock.calls.map(([{ group }]) => group);
      queued.mockRestore();
      return groups;
    };

    it.each([
      '/api/scrolls?sort=title',
      '/api/scrolls?sort=-topic,priority',
      '/api/scrolls?topic=topic%20919',
      '/api/scrolls?sort=-priority&limit=1000',
      '/auth/sessions',
    ])('queues an expensive read by its user: %s', async (path) => {
      expect(await groupsOf(path)).toEqual([`subject ${user.id}`]);
    });

    it.each([
      ['/api/crates?weight[gte]=5&weight[lt]=99999&sort=weight', false],
      ['/api/crates?label[gt]=A&sort=-label', false],
      ['/api/crates?id[gt]=5', false],
      ['/api/users?name[gte]=m&sort=name', false],
      ['/api/crates?weight[gte]=5', true],
      ['/api/crates?weight[gte]=5&sort=label', true],
      ['/api/crates?weight[gte]=5&sort=weight,label', true],
      ['/api/crates?weight[gte]=5&kind=Fruit&sort=weight', true],
      [`/api/crates?label[gt]=${'P'.repeat(100)}&sort=label`, true],
      ['/api/scrolls?title[gt]=a&sort=title', true],
    ])(
      'queues the read of a range, if no range of an index serves it: %s, %s',
      async (path, is) => {
        expect(await groupsOf(path)).toHaveLength(is ? 1 : 0);
      },
    );

    it('queues an expensive read without a token by the networks of its address', async () => {
      expect(await groupsOf('/api/crates?sort=label,count')).toEqual([
        ['127.0.0.0/16', '127.0.0.0/24'],
      ]);
    });

    describe('Expensive reads by a text filter', () => {
      const path = (label: string) => `/api/crates?label=${encodeURIComponent(label)}`;
      const labels = ['P'.repeat(99), 'P'.repeat(100), `${'P'.repeat(100)}zzz`, '😀'.repeat(99)];

      beforeAll(async () => {
        for (const label of [...labels, '😀'.repeat(100)]) {
          const values = valuesOf(Crate, { ...crate, label });
          await app.sql((manager) => manager.insert(Crate, values));
        }
      });

      it.each(['P'.repeat(100), `${'P'.repeat(100)}zzz`, '😀'.repeat(100)])(
        'queues a read with a filter that longer texts may share in the index: %s',
        async (label) => {
          // The same SQL serves the short filter, whose read is not queued.
          expect(await groupsOf(path('P'.repeat(99)))).toEqual([]);
          expect(await groupsOf(path(label))).toEqual([['127.0.0.0/16', '127.0.0.0/24']]);
        },
      );

      it.each(['P'.repeat(99), '😀'.repeat(99)])(
        'does not queue a read with a filter whose text the index holds in full: %s',
        async (label) => {
          expect(await groupsOf(path('P'.repeat(100)))).toEqual([['127.0.0.0/16', '127.0.0.0/24']]);
          expect(await groupsOf(path(label))).toEqual([]);
        },
      );
    });

    it.each(['/api/scrolls', '/api/scrolls?sort=-id&limit=1000', '/api/scrolls?limit=5'])(
      'does not queue a read that an index serves: %s',
      async (path) => {
        expect(await groupsOf(path)).toEqual([]);
      },
    );

    it('refuses too many queued reads of a user with 429 and Retry-After, and no cheap reads', async () => {
      const free = occupy();
      const refused: (string | null)[] = [];
      const lists = Array.from({ length: 120 }, async () => {
        const { status, headers } = await get('/api/scrolls?sort=title');
        if (status === 429) refused.push(headers.get('retry-after'));
        return status;
      });
      while (refused.length < 20) await sleep(5);
      expect(new Set(refused)).toEqual(new Set(['5']));
      expect((await get('/api/scrolls')).status).toBe(200);
      const stranger = await app.newLogin();
      const another = app.get('/auth/sessions', { token: stranger.access });
      free();
      expect((await another).status).toBe(200);
      const statuses = await Promise.all(lists);
      expect(statuses.filter((status) => status === 200)).toHaveLength(100);
    });

    it('skips queued reads whose client has disconnected', async () => {
      const free = occupy();
      const abort = new AbortController();
      const headers = { authorization: `Bearer ${user.access}` };
      const url = `${app.url}/api/scrolls?sort=title`;
      const gone = Array.from({ length: 100 }, () =>
        fetch(url, { headers, signal: abort.signal }).catch(() => 'gone'),
      );
      while (queue['queued'] < 100) await sleep(5);
      expect((await get('/api/scrolls?sort=title')).status).toBe(429);
      abort.abort();
      expect(new Set(await Promise.all(gone))).toEqual(new Set(['gone']));
      while (queue['queued'] > 0) await sleep(5);
      // Their places in the queue are free, although no read has run since.
      const next = get('/api/scrolls?sort=title');
      await expect(Promise.race([next, sleep(300, 'queued')])).resolves.toBe('queued');
      free();
      expect((await next).status).toBe(200);
    });
  });
});
