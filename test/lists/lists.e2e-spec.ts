import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Crate } from '../support/fixture/crate.entity.js';
import { valuesOf } from '../../src/validation/columns.js';
import type { Answer, LoggedIn } from '../support/client.js';
import { crate, type CrateBody } from '../support/fixture/crates.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import type { TestApp } from '../support/test-app.js';

/** The values of each field. Rows repeat them in a fixed order, with many ties. */
const some = {
  kind: ['Fruit', 'Dried Fruit', 'fruit', 'Éire', '\u{1f680}', '\uffee', 'E&M=1+1;%41'],
  count: [1, 2, 10, 2 ** 53 - 1],
  weight: [7, 8, 10, 300, 1600],
  label: ['a', 'b', 'ab', 'B', '日本', ' '],
  tags: [[], ['cool'], ['cool', 'fragile'], ['"cool'], [',', 'a,', 'cool']],
  packed_by: [
    'x'.repeat(100) + 'b',
    'x'.repeat(100) + 'a',
    'x'.repeat(99),
    `'; DROP TABLE crates; --`,
    '\u{1f680}'.repeat(150),
    '100%_',
  ],
};
const pick = <T>(values: readonly T[], index: number, step: number): T =>
  values[Math.floor(index / step) % values.length]!;
const cratesOf = (count: number): (typeof crate)[] =>
  Array.from({ length: count }, (_, i) => ({
    kind: pick(some.kind, i, 1),
    count: pick(some.count, i, 3),
    weight: pick(some.weight, i, 7),
    label: pick(some.label, i, 4),
    tags: pick(some.tags, i, 1),
    packed_by: pick(some.packed_by, i, 2),
  }));

/** The rows in the expected order: numbers by value, texts by their first 100 code points. */
const sorted = <T extends { id: number }>(rows: T[], sort: string): T[] => {
  const terms = `${sort},id`.split(',').map((term) => ({
    name: term.replace('-', '') as keyof T,
    sign: term.startsWith('-') ? -1 : 1,
  }));
  const key = (value: unknown): (number | undefined)[] =>
    typeof value === 'string'
      ? Array.from(value)
          .slice(0, 100)
          .map((char) => char.codePointAt(0))
      : [(value ?? -1) as number];
  const compare = (a: unknown, b: unknown): number => {
    const [left, right] = [key(a), key(b)];
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
      const difference = (left[i] ?? -1) - (right[i] ?? -1);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  return rows.toSorted((a, b) => {
    for (const { name, sign } of terms) {
      const difference = sign * compare(a[name], b[name]);
      if (difference !== 0) return difference;
    }
    return 0;
  });
};

describe('Lists of large rows', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootFixtureApp({}, { examples: false });
    // Rows could be this large before texts were limited.
    const rows = Array.from({ length: 16 }, (_, i) =>
      valuesOf(Crate, { ...crate, label: `${i % 7}`.repeat(90_000), count: 1 + (i % 5) }),
    );
    await app.sql((manager) => manager.insert(Crate, rows));
  });
  afterAll(() => app.close());

  it.each(['id', '-label', 'packed_by,-id', 'count,weight,-label'])(
    'bounds the size of each page of large rows sorted by %s',
    async (sort) => {
      const ids: number[] = [];
      const sizes: number[] = [];
      let path: string | undefined = `/api/crates?limit=1000&sort=${sort}`;
      while (path !== undefined) {
        const page: Answer<{ id: number }[]> = await app.get(path);
        ids.push(...page.body.map(({ id }) => id));
        sizes.push(page.text.length);
        path = /<https?:\/\/[^/]+(.+)>/.exec(page.headers.get('link') ?? '')?.[1];
      }
      expect(sizes.length).toBeGreaterThan(1);
      for (const size of sizes) expect(size).toBeLessThan(1_200_000);
      expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
    },
  );
});

describe('Lists of texts that JSON makes longer', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootFixtureApp({}, { examples: false });
  });
  afterAll(() => app.close());

  it.each([
    ['control characters', '\u0001'.repeat(1000)],
    ['quotation marks and backslashes', '"\\'.repeat(500)],
    ['characters of three bytes', '\u20ac'.repeat(1000)],
    ['characters of four bytes', '😀'.repeat(500)],
    ['plain characters', 'x'.repeat(1000)],
  ])(
    'sends pages of less than 1 MiB, the first of more than 400,000 bytes: %s',
    async (_, text) => {
      const names = ['label', 'kind', 'packed_by'];
      const values = { ...crate, ...Object.fromEntries(names.map((name) => [name, text])) };
      await app.sql(async (manager) => {
        await manager.createQueryBuilder().delete().from(Crate).execute();
        for (let i = 0; i < 4; i++) {
          const rows = Array.from({ length: 100 }, (__, j) =>
            valuesOf(Crate, { ...values, count: 100 - j, weight: i }),
          );
          await manager.insert(Crate, rows);
        }
      });
      // The last of these orders reads several keyset ranges for the second page.
      for (const sort of ['id', '-label', 'weight,-count']) {
        const { text: first, headers } = await app.get(`/api/crates?limit=1000&sort=${sort}`);
        const path = /<https?:\/\/[^/]+(.+)>/.exec(headers.get('link')!)![1]!;
        const { text: second } = await app.get(path);
        for (const answer of [first, second]) {
          expect(Buffer.byteLength(answer)).toBeLessThan(1024 * 1024);
        }
        expect(Buffer.byteLength(first)).toBeGreaterThan(400_000);
      }
    },
  );

  it('sends a page of less than 1 MiB if it consists of several keyset ranges', async () => {
    await app.sql(async (manager) => {
      await manager.createQueryBuilder().delete().from(Crate).execute();
      const rows = Array.from({ length: 40 }, (_, i) =>
        valuesOf(Crate, {
          ...crate,
          label: 'x'.repeat(48_000),
          count: Math.floor(i / 10),
          weight: i % 10,
        }),
      );
      await manager.insert(Crate, rows);
    });
    // After the first row come nine more with the same count, and then rows with a larger count.
    const { headers } = await app.get('/api/crates?limit=1&sort=count,weight');
    const path = /<https?:\/\/[^/]+(.+)>/.exec(headers.get('link')!)![1]!;
    const { text } = await app.get(path.replace('limit=1', 'limit=1000'));
    expect(Buffer.byteLength(text)).toBeLessThan(600_000);
  });
});

describe('Lists', () => {
  let app: TestApp;
  let token: string;
  let crates: CrateBody[];

  beforeAll(async () => {
    app = await bootFixtureApp({}, { examples: false });
    token = (await app.newLogin()).access;
    await app.sql(async (manager) => {
      for (const values of cratesOf(40)) await manager.insert(Crate, valuesOf(Crate, values));
    });
    crates = (await app.get<CrateBody[]>('/api/crates?limit=1000')).body;
  });
  afterAll(() => app.close());

  const nextOf = (headers: Headers): string | null => {
    const link = headers.get('link');
    return link === null ? null : /^<http:\/\/[^/]+(\/[^>]+)>; rel="next"$/.exec(link)![1]!;
  };
  /** All rows of a list, read by its links. `between` runs after each page except the last. */
  const walk = async <T = CrateBody>(
    first: string,
    { between, as }: { between?: (page: T[]) => Promise<unknown>; as?: string } = {},
  ): Promise<T[]> => {
    const rows: T[] = [];
    for (let path: string | null = first; path !== null;) {
      const answer = await app.get<T[]>(path, as === undefined ? {} : { token: as });
      expect(answer.status).toBe(200);
      rows.push(...answer.body);
      path = nextOf(answer.headers);
      if (path !== null) await between?.(answer.body);
    }
    return rows;
  };
  const idsOf = (rows: { id: number }[]): number[] => rows.map(({ id }) => id);

  it.each([
    'id',
    '-id',
    'weight',
    '-weight',
    'count',
    '-count',
    'kind',
    '-kind',
    'packed_by',
    'label',
    '-packed_by',
    '-weight,label',
    'label,-weight',
    'kind,-count,label',
    '-packed_by,weight,-count,kind,label',
    'packed_by,-id,weight',
  ])('sorts a list by %s, with ties in order of id, whatever the page size', async (sort) => {
    const expected = idsOf(sorted(crates, sort));
    expect(idsOf((await app.get<CrateBody[]>(`/api/crates?sort=${sort}`)).body)).toEqual(expected);
    for (const limit of [1, 7, 39, 40]) {
      expect(idsOf(await walk(`/api/crates?sort=${sort}&limit=${limit}`))).toEqual(expected);
    }
  });

  it.each([
    ...Object.entries(some).flatMap(([name, values]) =>
      name === 'tags' ? [] : values.map((value) => [name, String(value)] as const),
    ),
    ['id', '12'],
    ['id', '2147483647'],
    ['id', '-2147483648'],
    ['count', '9007199254740991'],
    ['kind', 'Fru'],
    ['kind', '%'],
    ['kind', ''],
    ['packed_by', 'x'.repeat(100)],
    ['count', '-5'],
    ['count', '3'],
  ] as const)('returns exactly the rows that match the filter %s=%s', async (name, value) => {
    const expected = crates.filter((each) => String(each[name as 'label']) === value);
    const query = new URLSearchParams({ [name]: value });
    expect(await walk(`/api/crates?${query.toString()}`)).toEqual(expected);
    query.set('limit', '3');
    query.set('sort', '-weight,label');
    expect(await walk(`/api/crates?${query.toString()}`)).toEqual(
      sorted(expected, '-weight,label'),
    );
  });

  it.each(['cool', '"cool', 'fragile', ',', 'a,', 'coo', '', '",'])(
    'returns exactly the crates that have the tag %j',
    async (tag) => {
      const expected = crates.filter(({ tags }) => tags.includes(tag));
      const query = new URLSearchParams({ tags: tag, limit: '4' });
      expect(await walk(`/api/crates?${query.toString()}`)).toEqual(expected);
    },
  );

  it('combines several filters with "and"', async () => {
    const query = 'label=a&weight=7&tags=cool&sort=-packed_by';
    const expected = crates.filter(
      ({ label, weight, tags }) => label === 'a' && weight === 7 && tags.includes('cool'),
    );
    expect(expected.length).toBeGreaterThan(1);
    expect(await walk(`/api/crates?${query}&limit=1`)).toEqual(sorted(expected, '-packed_by'));
  });

  describe('Ranges', () => {
    const OPERATORS = {
      gt: (difference: number) => difference > 0,
      gte: (difference: number) => difference >= 0,
      lt: (difference: number) => difference < 0,
      lte: (difference: number) => difference <= 0,
    };
    /** Compares whole values: numbers by value, texts by code points. */
    const compare = (a: string | number, b: string | number): number =>
      typeof a === 'number' ? a - Number(b) : Buffer.compare(Buffer.from(a), Buffer.from(`${b}`));

    it.each([
      ['id', [1, 12, 41]],
      ['count', [2, 3, 2 ** 53 - 1]],
      ['weight', [7, 9, 1600]],
      ['kind', ['Fruit', '', '\uffee', '\u{1f680}']],
      ['label', ['B', 'aa', '日本']],
      ['packed_by', [`${'x'.repeat(100)}a`, 'x'.repeat(100), '\u{1f680}'.repeat(150)]],
    ] as const)(
      'returns exactly the rows in each range of %s, in any order',
      async (name, values) => {
        for (const [operator, holds] of Object.entries(OPERATORS)) {
          for (const value of values) {
            const expected = crates.filter((row) => holds(compare(row[name], value)));
            for (const sort of ['id', name, `-${name}`, `-${name},weight`]) {
              if (sort === '-weight,weight') continue;
              const query = { [`${name}[${operator}]`]: String(value), sort, limit: '15' };
              const path = `/api/crates?${new URLSearchParams(query).toString()}`;
              expect([path, idsOf(await walk(path))]).toEqual([
                path,
                idsOf(sorted(expected, sort)),
              ]);
            }
          }
        }
      },
    );

    it('combines ranges and filters with "and"', async () => {
      const between = crates.filter(({ weight }) => weight > 7 && weight <= 300);
      const query = 'weight[gt]=7&weight[gte]=1&weight[lte]=300&weight[lt]=1000';
      expect(await walk(`/api/crates?${query}&limit=7`)).toEqual(between);
      expect(await walk(`/api/crates?${query}&sort=-weight&limit=7`)).toEqual(
        sorted(between, '-weight'),
      );
      expect(await walk(`/api/crates?${query}&count[lt]=10&kind=fruit&weight=10`)).toEqual(
        between.filter(
          ({ count, kind, weight }) => count < 10 && kind === 'fruit' && weight === 10,
        ),
      );
      expect(await walk('/api/crates?weight[gt]=300&weight[lt]=8&sort=weight')).toEqual([]);
    });

    it.each(['weight', '-weight'])(
      'returns no row outside of the range for a changed cursor sorted by %s',
      async (sort) => {
        for (const weight of [-5, 7, 8, 300, 1600, 9_000]) {
          const content = JSON.stringify([`${sort},id`, weight, 0]);
          const cursor = Buffer.from(content).toString('base64url');
          const path = `/api/crates?weight[gt]=7&weight[lt]=1600&sort=${sort}&cursor=${cursor}`;
          const rest = crates.filter(
            (row) =>
              row.weight > 7 &&
              row.weight < 1600 &&
              (sort === 'weight' ? row.weight >= weight : row.weight <= weight),
          );
          expect(await walk(path)).toEqual(sorted(rest, sort));
        }
      },
    );

    it('keeps the range in the link to the next page', async () => {
      const { headers } = await app.get('/api/crates?weight[gte]=8&limit=1');
      const next = new URL(nextOf(headers)!, app.url);
      expect(next.searchParams.get('weight[gte]')).toBe('8');
    });

    it.each<[string, object]>([
      ['weight[gte]=heavy', { 'weight[gte]': ['Not a valid integer.'] }],
      ['weight[gte]=1&weight[gte]=2', { 'weight[gte]': ['Not a valid integer.'] }],
      ['label[lt]=a%00b', { 'label[lt]': ['Not a valid string.'] }],
      ['weight[eq]=1', { 'weight[eq]': ['Unknown field.'] }],
      ['weight[toString]=1', { 'weight[toString]': ['Unknown field.'] }],
      ['weight[]=1', { 'weight[]': ['Unknown field.'] }],
      ['weight[gt=1', { 'weight[gt': ['Unknown field.'] }],
      ['weight[gt][lt]=1', { 'weight[gt][lt]': ['Unknown field.'] }],
      ['tags[gt]=a', { 'tags[gt]': ['Unknown field.'] }],
      ['colour[gt]=a', { 'colour[gt]': ['Unknown field.'] }],
      ['__proto__[gt]=a', { '__proto__[gt]': ['Unknown field.'] }],
      ['limit[gt]=1', { 'limit[gt]': ['Unknown field.'] }],
    ])('refuses the query ?%s', async (query, message) => {
      const { status, body } = await app.get(`/api/crates?${query}`);
      expect([status, body.code, body.message]).toEqual([400, 'validation_failed', message]);
    });
  });

  it('sends no link on the last page, and an empty list if no row matches', async () => {
    const all = await app.get<unknown[]>(`/api/crates?limit=${crates.length}`);
    expect([all.body.length, all.headers.get('link')]).toEqual([crates.length, null]);
    const none = await app.get('/api/crates?label=none');
    expect([none.status, none.body, none.headers.get('link')]).toEqual([200, [], null]);
  });

  it('keeps the parameters of the request in the link to the next page', async () => {
    const query = new URLSearchParams({
      limit: '1',
      kind: 'E&M=1+1;%41',
      sort: '-weight,label',
    });
    const { headers } = await app.get(`/api/crates?${query.toString()}`);
    const next = new URL(nextOf(headers)!, app.url);
    expect(next.pathname).toBe('/api/crates');
    const { cursor, ...others } = Object.fromEntries(next.searchParams);
    expect(others).toEqual(Object.fromEntries(query));
    expect(cursor).toMatch(/^[\w-]+$/);
  });

  it.each<[string, object]>([
    ['limit=0', { limit: ['Must be greater than or equal to 1.'] }],
    ['limit=1001', { limit: ['Must be less than or equal to 1000.'] }],
    ['limit=ten', { limit: ['Not a valid integer.'] }],
    ['limit=', { limit: ['Not a valid integer.'] }],
    ['limit=1&limit=2', { limit: ['Not a valid integer.'] }],
    ['cursor=', { cursor: ['Not a valid cursor.'] }],
    ['cursor=%00', { cursor: ['Not a valid cursor.'] }],
    ['cursor=M!Q', { cursor: ['Not a valid cursor.'] }],
    ['page=2', { page: ['Unknown field.'] }],
    ['packedBy=x', { packedBy: ['Unknown field.'] }],
    ['__proto__=x', { ['__proto__']: ['Unknown field.'] }],
    ['constructor=x', { constructor: ['Unknown field.'] }],
    ['sort=', { sort: ['Not a valid list of fields.'] }],
    ['sort=colour', { sort: ['Not a valid list of fields.'] }],
    ['sort=tags', { sort: ['Not a valid list of fields.'] }],
    ['sort=constructor', { sort: ['Not a valid list of fields.'] }],
    ['sort=weight,', { sort: ['Not a valid list of fields.'] }],
    ['sort=--weight', { sort: ['Not a valid list of fields.'] }],
    ['sort=weight,-weight', { sort: ['Not a valid list of fields.'] }],
    ['sort=weight&sort=count', { sort: ['Not a valid list of fields.'] }],
    ['sort=weight;DROP TABLE crates', { sort: ['Not a valid list of fields.'] }],
    ['count=many', { count: ['Not a valid integer.'] }],
    ['count=1.0', { count: ['Not a valid integer.'] }],
    ['count=9007199254740992', { count: ['Not a valid integer.'] }],
    ['count=null', { count: ['Not a valid integer.'] }],
    ['label=a%00b', { label: ['Not a valid string.'] }],
    ['label=a&label=b', { label: ['Not a valid string.'] }],
    ['tags=a&tags=b', { tags: ['Not a valid string.'] }],
    [
      'limit=x&count=y&colour=z',
      {
        limit: ['Not a valid integer.'],
        count: ['Not a valid integer.'],
        colour: ['Unknown field.'],
      },
    ],
  ])('refuses the query ?%s', async (query, message) => {
    const { status, body } = await app.get(`/api/crates?${query}`);
    expect([status, body]).toEqual([
      400,
      { statusCode: 400, code: 'validation_failed', error: 'Bad Request', message },
    ]);
  });

  it('reports at most a hundred invalid parameters', async () => {
    const query = Array.from({ length: 500 }, (_, i) => `x${i}=1`).join('&');
    const { status, body } = await app.get(`/api/crates?${query}`);
    expect([status, Object.keys(body.message as object)]).toEqual([
      400,
      Array.from({ length: 100 }, (_, i) => `x${i}`),
    ]);
  });

  it('refuses a cursor of another sort order, or one that was not issued', async () => {
    const { headers } = await app.get('/api/crates?sort=weight&limit=1');
    const cursor = new URL(nextOf(headers)!, app.url).searchParams.get('cursor')!;
    const [order, ...keys] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
    const forged = (...content: unknown[]) =>
      Buffer.from(JSON.stringify(content)).toString('base64url');
    expect(forged(order, ...keys)).toBe(cursor);
    const refused = [
      ['weight', `${cursor}A`],
      ['weight', `${cursor}=`],
      ['count', cursor],
      ['-weight', cursor],
      ['weight,label', cursor],
      ['weight', forged(order, ...keys, 1)],
      ['weight', forged(order, keys[0])],
      ['weight', forged(order, '7', keys[1])],
      ['weight', forged(order, 7.5, keys[1])],
      ['weight', forged(order, null, keys[1])],
      ['weight', forged(order, { toString: 1 }, keys[1])],
      ['id', forged('id', 2 ** 31)],
      ['label', forged('label,id', 'x'.repeat(101), 1)],
      ['label', forged('label,id', 'a\0', 1)],
      ['label', forged('label,id', ['a'], 1)],
      ['id', Buffer.from('null').toString('base64url')],
      ['id', Buffer.from('{').toString('base64url')],
    ];
    for (const [sort = '', text = ''] of refused) {
      const { status, body } = await app.get(`/api/crates?sort=${sort}&cursor=${text}`);
      expect([sort, text, status, body.message]).toEqual([
        sort,
        text,
        400,
        { cursor: ['Not a valid cursor.'] },
      ]);
    }
    const beyond = forged('id', 2 ** 31 - 1);
    expect((await app.get(`/api/crates?cursor=${beyond}`)).body).toEqual([]);
  });

  it.each(['id', '-id', '-weight,label', 'kind', '-label'])(
    'neither repeats nor omits a crate sorted by %s while others are added and removed',
    async (sort) => {
      const before = (await app.get<CrateBody[]>('/api/crates?limit=1000')).body;
      const [kept, doomed] = [before.slice(0, 30), before.slice(30)];
      const added: number[] = [];
      const seen = await walk(`/api/crates?limit=7&sort=${sort}`, {
        between: async (page) => {
          const last = page.at(-1)!;
          // Rows at the position where the next page starts, just after it and before it.
          for (const weight of [last.weight, last.weight + 1, 1]) {
            const { body } = await app.send<CrateBody>('POST', '/api/crates', {
              token,
              json: { ...newValues(last), weight },
            });
            added.push(body.id);
          }
          // In some orders new rows come after this position. They are removed to end the walk.
          if (added.length > 20) for (const id of added.splice(0)) await remove(id);
          const removed = doomed.findIndex(({ id }) => id === last.id);
          if (removed >= 0) await remove(doomed.splice(removed, 1)[0]!.id);
        },
      });
      const ids = idsOf(seen);
      expect(new Set(ids).size).toBe(ids.length);
      const wanted = new Set(idsOf(kept));
      expect(seen.filter(({ id }) => wanted.has(id))).toEqual(sorted(kept, sort));
      for (const { id } of doomed) expect(ids).toContain(id);
      for (const id of added) await remove(id);
    },
  );
  const newValues = ({ id: _, ...values }: CrateBody): typeof crate => values;
  const remove = async (id: number): Promise<void> => {
    await app.send('DELETE', `/api/crates/${id}`, { token });
  };

  it('filters and sorts users by name, in Unicode NFC, and by id', async () => {
    for (const name of ['Zoë', 'zoe', 'Abe', 'ab']) {
      await app.send('POST', '/api/users', { json: { name, password: 'secret' } });
    }
    const { body: users } = await app.get<{ id: number; name: string }[]>('/api/users');
    for (const sort of ['name', '-name', '-id', 'name,-id']) {
      expect(await walk(`/api/users?limit=2&sort=${sort}`)).toEqual(sorted(users, sort));
    }
    const zoe = users.filter(({ name }) => name === 'Zoë');
    expect(await walk(`/api/users?name=${encodeURIComponent('Zoe\u0308')}`)).toEqual(zoe);
    expect(await walk(`/api/users?id=${zoe[0]!.id}`)).toEqual(zoe);
    for (const secret of ['admin', 'public_id', 'password', 'passwordHash', 'created_at']) {
      expect((await app.get(`/api/users?${secret}=1`)).status).toBe(400);
      expect((await app.get(`/api/users?sort=${secret}`)).status).toBe(400);
    }
  });

  describe('Lists of scrolls', () => {
    let leia: LoggedIn;
    let luke: LoggedIn;
    let scrolls: { id: number; title: string; topic: string; priority: number | null }[];

    beforeAll(async () => {
      [leia, luke] = await Promise.all([app.newLogin(), app.newLogin()]);
      for (let i = 0; i < 9; i++) {
        for (const who of [leia, luke]) {
          const json = {
            title: `scroll ${i}`,
            topic: i % 2 ? 'Ren\u00e9' : 'Office',
            priority: i % 3 ? i % 5 : null,
          };
          await app.send('POST', '/api/scrolls', { token: who.access, json });
        }
      }
      scrolls = (await app.get<typeof scrolls>('/api/scrolls', { token: leia.access })).body;
    });

    it.each(['priority', '-priority', '-priority,-title', 'topic,-priority'])(
      'sorts scrolls by %s, with scrolls without a priority first',
      async (sort) => {
        const path = `/api/scrolls?limit=2&sort=${sort}`;
        expect(await walk(path, { as: leia.access })).toEqual(sorted(scrolls, sort));
      },
    );

    it('filters scrolls, and returns no scroll of another user', async () => {
      const list = (query: string) => walk(`/api/scrolls?${query}`, { as: leia.access });
      const without = scrolls.filter(({ priority }) => priority === null);
      expect(without).toHaveLength(3);
      expect(await list('priority=null&limit=1')).toEqual(without);
      expect(await list('priority=0')).toEqual(scrolls.filter(({ priority }) => priority === 0));
      const topic = encodeURIComponent('Rene\u0301');
      const about = scrolls.filter(({ topic: each }) => each === 'René');
      expect(await list(`topic=${topic}&limit=1`)).toEqual(about);
      const [other] = (
        await app.get<{ id: number }[]>('/api/scrolls?limit=1', { token: luke.access })
      ).body;
      expect(await list(`id=${other!.id}`)).toEqual([]);
      for (const query of [
        'ownerId=1',
        'user_id=1',
        'sort=ownerId',
        'priority=',
        'priority=NULL',
      ]) {
        const { status } = await app.get(`/api/scrolls?${query}`, { token: leia.access });
        expect([query, status]).toEqual([query, 400]);
      }
    });

    it('finds no scroll without a priority in a range, and refuses null as a bound', async () => {
      for (const sort of ['id', 'priority', '-priority', 'title']) {
        const path = `/api/scrolls?priority[lte]=3&limit=2&sort=${sort}`;
        const small = scrolls.filter(({ priority }) => priority !== null && priority <= 3);
        expect(await walk(path, { as: leia.access })).toEqual(sorted(small, sort));
      }
      const path = '/api/scrolls?priority[lte]=null';
      const { status, body } = await app.get(path, { token: leia.access });
      expect([status, body.message]).toEqual([
        400,
        { 'priority[lte]': ['Field may not be null.'] },
      ]);
    });

    it('returns no scroll of another user for a cursor of that user', async () => {
      const { headers } = await app.get('/api/scrolls?limit=1&sort=-title', { token: luke.access });
      const mine = await app.get<{ id: number }[]>(nextOf(headers)!, { token: leia.access });
      const own = new Set(idsOf(scrolls));
      expect(mine.body.every(({ id }) => own.has(id))).toBe(true);
    });
  });
});
