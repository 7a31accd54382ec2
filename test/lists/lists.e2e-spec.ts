import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ship } from '../../src/ships/ship.entity.js';
import { valuesOf } from '../../src/validation/columns.js';
import { type Answer, type LoggedIn, ship } from '../support/client.js';
import { bootApp, type TestApp } from '../support/test-app.js';

type ShipBody = typeof ship & { id: number };

/** The values of each field. Rows repeat them in a fixed order, with many ties. */
const some = {
  affiliation: ['Empire', 'Rebel Alliance', 'empire', 'Éire', '\u{1f680}', '\uffee', 'E&M=1+1;%41'],
  category: ['x'.repeat(100) + 'b', 'x'.repeat(100) + 'a', 'x'.repeat(99)],
  crew: [1, 2, 10, 2 ** 53 - 1],
  length: [7, 8, 10, 300, 1600],
  manufacturer: [`'; DROP TABLE ships; --`, '\u{1f680}'.repeat(150), '100%_'],
  model: ['a', 'b', 'ab', 'B', '日本', ' '],
  roles: [[], ['Carrier'], ['Carrier', 'Destroyer'], ['"Carrier'], [',', 'a,', 'Carrier']],
  ship_class: ['Star Destroyer', 'Corvette'],
};
const pick = <T>(values: readonly T[], index: number, step: number): T =>
  values[Math.floor(index / step) % values.length]!;
const fleetOf = (count: number): (typeof ship)[] =>
  Array.from({ length: count }, (_, i) => ({
    affiliation: pick(some.affiliation, i, 1),
    category: pick(some.category, i, 2),
    crew: pick(some.crew, i, 3),
    length: pick(some.length, i, 7),
    manufacturer: pick(some.manufacturer, i, 5),
    model: pick(some.model, i, 4),
    roles: pick(some.roles, i, 1),
    ship_class: pick(some.ship_class, i, 11),
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
    app = await bootApp({ DEMO_DATA: 'false' });
    // Rows could be this large before texts were limited.
    const rows = Array.from({ length: 16 }, (_, i) =>
      valuesOf(Ship, { ...ship, model: `${i % 7}`.repeat(90_000), crew: 1 + (i % 5) }),
    );
    await app.sql((manager) => manager.insert(Ship, rows));
  });
  afterAll(() => app.close());

  it.each(['id', '-model', 'category,-id', 'crew,length,-model'])(
    'bounds the size of each page of large rows sorted by %s',
    async (sort) => {
      const ids: number[] = [];
      const sizes: number[] = [];
      let path: string | undefined = `/api/ships?limit=1000&sort=${sort}`;
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
    app = await bootApp({ DEMO_DATA: 'false' });
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
      const names = ['affiliation', 'category', 'manufacturer', 'model', 'ship_class'];
      const values = { ...ship, ...Object.fromEntries(names.map((name) => [name, text])) };
      await app.sql(async (manager) => {
        await manager.createQueryBuilder().delete().from(Ship).execute();
        for (let i = 0; i < 4; i++) {
          const rows = Array.from({ length: 60 }, (__, j) =>
            valuesOf(Ship, { ...values, crew: 60 - j, length: i }),
          );
          await manager.insert(Ship, rows);
        }
      });
      // The last of these orders reads several keyset ranges for the second page.
      for (const sort of ['id', '-model', 'length,-crew']) {
        const { text: first, headers } = await app.get(`/api/ships?limit=1000&sort=${sort}`);
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
      await manager.createQueryBuilder().delete().from(Ship).execute();
      const rows = Array.from({ length: 40 }, (_, i) =>
        valuesOf(Ship, {
          ...ship,
          model: 'x'.repeat(48_000),
          crew: Math.floor(i / 10),
          length: i % 10,
        }),
      );
      await manager.insert(Ship, rows);
    });
    // After the first row come nine more with the same crew, and then rows with a larger crew.
    const { headers } = await app.get('/api/ships?limit=1&sort=crew,length');
    const path = /<https?:\/\/[^/]+(.+)>/.exec(headers.get('link')!)![1]!;
    const { text } = await app.get(path.replace('limit=1', 'limit=1000'));
    expect(Buffer.byteLength(text)).toBeLessThan(600_000);
  });
});

describe('Lists', () => {
  let app: TestApp;
  let token: string;
  let ships: ShipBody[];

  beforeAll(async () => {
    app = await bootApp({ DEMO_DATA: 'false' });
    token = (await app.newLogin()).access;
    await app.sql(async (manager) => {
      for (const values of fleetOf(40)) await manager.insert(Ship, valuesOf(Ship, values));
    });
    ships = (await app.get<ShipBody[]>('/api/ships?limit=1000')).body;
  });
  afterAll(() => app.close());

  const nextOf = (headers: Headers): string | null => {
    const link = headers.get('link');
    return link === null ? null : /^<http:\/\/[^/]+(\/[^>]+)>; rel="next"$/.exec(link)![1]!;
  };
  /** All rows of a list, read by its links. `between` runs after each page except the last. */
  const walk = async <T = ShipBody>(
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
    'length',
    '-length',
    'crew',
    '-crew',
    'affiliation',
    '-affiliation',
    'category',
    '-manufacturer',
    'model',
    '-ship_class',
    '-length,model',
    'model,-length',
    'affiliation,-crew,model',
    '-category,-manufacturer,ship_class,length,-crew,affiliation,model',
    'ship_class,-id,length',
  ])('sorts a list by %s, with ties in order of id, whatever the page size', async (sort) => {
    const expected = idsOf(sorted(ships, sort));
    expect(idsOf((await app.get<ShipBody[]>(`/api/ships?sort=${sort}`)).body)).toEqual(expected);
    for (const limit of [1, 7, 39, 40]) {
      expect(idsOf(await walk(`/api/ships?sort=${sort}&limit=${limit}`))).toEqual(expected);
    }
  });

  it.each([
    ...Object.entries(some).flatMap(([name, values]) =>
      name === 'roles' ? [] : values.map((value) => [name, String(value)] as const),
    ),
    ['id', '12'],
    ['id', '2147483647'],
    ['id', '-2147483648'],
    ['crew', '9007199254740991'],
    ['affiliation', 'Emp'],
    ['affiliation', '%'],
    ['affiliation', ''],
    ['category', 'x'.repeat(100)],
    ['crew', '-5'],
    ['crew', '3'],
  ] as const)('returns exactly the rows that match the filter %s=%s', async (name, value) => {
    const expected = ships.filter((each) => String(each[name as 'model']) === value);
    const query = new URLSearchParams({ [name]: value });
    expect(await walk(`/api/ships?${query.toString()}`)).toEqual(expected);
    query.set('limit', '3');
    query.set('sort', '-length,model');
    expect(await walk(`/api/ships?${query.toString()}`)).toEqual(sorted(expected, '-length,model'));
  });

  it.each(['Carrier', '"Carrier', 'Destroyer', ',', 'a,', 'Carr', '', '",'])(
    'returns exactly the ships that have the role %j',
    async (role) => {
      const expected = ships.filter(({ roles }) => roles.includes(role));
      const query = new URLSearchParams({ roles: role, limit: '4' });
      expect(await walk(`/api/ships?${query.toString()}`)).toEqual(expected);
    },
  );

  it('combines several filters with "and"', async () => {
    const query = 'ship_class=Corvette&length=10&roles=Carrier&sort=-model';
    const expected = ships.filter(
      ({ ship_class, length, roles }) =>
        ship_class === 'Corvette' && length === 10 && roles.includes('Carrier'),
    );
    expect(expected.length).toBeGreaterThan(1);
    expect(await walk(`/api/ships?${query}&limit=1`)).toEqual(sorted(expected, '-model'));
  });

  it('sends no link on the last page, and an empty list if no row matches', async () => {
    const all = await app.get<unknown[]>(`/api/ships?limit=${ships.length}`);
    expect([all.body.length, all.headers.get('link')]).toEqual([ships.length, null]);
    const none = await app.get('/api/ships?model=none');
    expect([none.status, none.body, none.headers.get('link')]).toEqual([200, [], null]);
  });

  it('keeps the parameters of the request in the link to the next page', async () => {
    const query = new URLSearchParams({
      limit: '1',
      affiliation: 'E&M=1+1;%41',
      sort: '-length,model',
    });
    const { headers } = await app.get(`/api/ships?${query.toString()}`);
    const next = new URL(nextOf(headers)!, app.url);
    expect(next.pathname).toBe('/api/ships');
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
    ['shipClass=x', { shipClass: ['Unknown field.'] }],
    ['__proto__=x', { ['__proto__']: ['Unknown field.'] }],
    ['constructor=x', { constructor: ['Unknown field.'] }],
    ['sort=', { sort: ['Not a valid list of fields.'] }],
    ['sort=hull', { sort: ['Not a valid list of fields.'] }],
    ['sort=roles', { sort: ['Not a valid list of fields.'] }],
    ['sort=constructor', { sort: ['Not a valid list of fields.'] }],
    ['sort=length,', { sort: ['Not a valid list of fields.'] }],
    ['sort=--length', { sort: ['Not a valid list of fields.'] }],
    ['sort=length,-length', { sort: ['Not a valid list of fields.'] }],
    ['sort=length&sort=crew', { sort: ['Not a valid list of fields.'] }],
    ['sort=length;DROP TABLE ships', { sort: ['Not a valid list of fields.'] }],
    ['crew=many', { crew: ['Not a valid integer.'] }],
    ['crew=1.0', { crew: ['Not a valid integer.'] }],
    ['crew=9007199254740992', { crew: ['Not a valid integer.'] }],
    ['crew=null', { crew: ['Not a valid integer.'] }],
    ['model=a%00b', { model: ['Not a valid string.'] }],
    ['model=a&model=b', { model: ['Not a valid string.'] }],
    ['roles=a&roles=b', { roles: ['Not a valid string.'] }],
    [
      'limit=x&crew=y&hull=z',
      {
        limit: ['Not a valid integer.'],
        crew: ['Not a valid integer.'],
        hull: ['Unknown field.'],
      },
    ],
  ])('refuses the query ?%s', async (query, message) => {
    const { status, body } = await app.get(`/api/ships?${query}`);
    expect([status, body]).toEqual([
      400,
      { statusCode: 400, code: 'validation_failed', error: 'Bad Request', message },
    ]);
  });

  it('reports at most a hundred invalid parameters', async () => {
    const query = Array.from({ length: 500 }, (_, i) => `x${i}=1`).join('&');
    const { status, body } = await app.get(`/api/ships?${query}`);
    expect([status, Object.keys(body.message as object)]).toEqual([
      400,
      Array.from({ length: 100 }, (_, i) => `x${i}`),
    ]);
  });

  it('refuses a cursor of another sort order, or one that was not issued', async () => {
    const { headers } = await app.get('/api/ships?sort=length&limit=1');
    const cursor = new URL(nextOf(headers)!, app.url).searchParams.get('cursor')!;
    const [order, ...keys] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
    const forged = (...content: unknown[]) =>
      Buffer.from(JSON.stringify(content)).toString('base64url');
    expect(forged(order, ...keys)).toBe(cursor);
    const refused = [
      ['length', `${cursor}A`],
      ['length', `${cursor}=`],
      ['crew', cursor],
      ['-length', cursor],
      ['length,model', cursor],
      ['length', forged(order, ...keys, 1)],
      ['length', forged(order, keys[0])],
      ['length', forged(order, '7', keys[1])],
      ['length', forged(order, 7.5, keys[1])],
      ['length', forged(order, null, keys[1])],
      ['length', forged(order, { toString: 1 }, keys[1])],
      ['id', forged('id', 2 ** 31)],
      ['model', forged('model,id', 'x'.repeat(101), 1)],
      ['model', forged('model,id', 'a\0', 1)],
      ['model', forged('model,id', ['a'], 1)],
      ['id', Buffer.from('null').toString('base64url')],
      ['id', Buffer.from('{').toString('base64url')],
    ];
    for (const [sort = '', text = ''] of refused) {
      const { status, body } = await app.get(`/api/ships?sort=${sort}&cursor=${text}`);
      expect([sort, text, status, body.message]).toEqual([
        sort,
        text,
        400,
        { cursor: ['Not a valid cursor.'] },
      ]);
    }
    const beyond = forged('id', 2 ** 31 - 1);
    expect((await app.get(`/api/ships?cursor=${beyond}`)).body).toEqual([]);
  });

  it.each(['id', '-id', '-length,model', 'affiliation', '-model'])(
    'neither repeats nor omits a ship sorted by %s while others are added and removed',
    async (sort) => {
      const before = (await app.get<ShipBody[]>('/api/ships?limit=1000')).body;
      const [kept, doomed] = [before.slice(0, 30), before.slice(30)];
      const added: number[] = [];
      const seen = await walk(`/api/ships?limit=7&sort=${sort}`, {
        between: async (page) => {
          const last = page.at(-1)!;
          // Rows at the position where the next page starts, just after it and before it.
          for (const length of [last.length, last.length + 1, 1]) {
            const { body } = await app.send<ShipBody>('POST', '/api/ships', {
              token,
              json: { ...newValues(last), length },
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
  const newValues = ({ id: _, ...values }: ShipBody): typeof ship => values;
  const remove = async (id: number): Promise<void> => {
    await app.send('DELETE', `/api/ships/${id}`, { token });
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

  describe('Lists of books', () => {
    let leia: LoggedIn;
    let luke: LoggedIn;
    let books: { id: number; name: string; author: string; price: number | null }[];

    beforeAll(async () => {
      [leia, luke] = await Promise.all([app.newLogin(), app.newLogin()]);
      for (let i = 0; i < 9; i++) {
        for (const who of [leia, luke]) {
          const json = {
            name: `book ${i}`,
            author: i % 2 ? 'Ren\u00e9' : 'Zahn',
            publisher: 'x',
            price: i % 3 ? i % 5 : null,
          };
          await app.send('POST', '/api/books', { token: who.access, json });
        }
      }
      books = (await app.get<typeof books>('/api/books', { token: leia.access })).body;
    });

    it.each(['price', '-price', '-price,-name', 'author,-price'])(
      'sorts books by %s, with books without a price before free ones',
      async (sort) => {
        const path = `/api/books?limit=2&sort=${sort}`;
        expect(await walk(path, { as: leia.access })).toEqual(sorted(books, sort));
      },
    );

    it('filters books, and returns no book of another user', async () => {
      const list = (query: string) => walk(`/api/books?${query}`, { as: leia.access });
      const free = books.filter(({ price }) => price === null);
      expect(free).toHaveLength(3);
      expect(await list('price=null&limit=1')).toEqual(free);
      expect(await list('price=0')).toEqual(books.filter(({ price }) => price === 0));
      const author = encodeURIComponent('Rene\u0301');
      const his = books.filter(({ author }) => author === 'René');
      expect(await list(`author=${author}&limit=1`)).toEqual(his);
      const [other] = (
        await app.get<{ id: number }[]>('/api/books?limit=1', { token: luke.access })
      ).body;
      expect(await list(`id=${other!.id}`)).toEqual([]);
      for (const query of ['ownerId=1', 'user_id=1', 'sort=ownerId', 'price=', 'price=NULL']) {
        const { status } = await app.get(`/api/books?${query}`, { token: leia.access });
        expect([query, status]).toEqual([query, 400]);
      }
    });

    it('returns no book of another user for a cursor of that user', async () => {
      const { headers } = await app.get('/api/books?limit=1&sort=-name', { token: luke.access });
      const mine = await app.get<{ id: number }[]>(nextOf(headers)!, { token: leia.access });
      const own = new Set(idsOf(books));
      expect(mine.body.every(({ id }) => own.has(id))).toBe(true);
    });
  });
});
