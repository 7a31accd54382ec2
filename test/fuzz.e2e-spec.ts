import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { fuzz, type FuzzReport } from '../fuzz/fuzzer.js';
import { BookRepository } from '../src/books/book.repository.js';
import { ShipResponse } from '../src/ships/dto/ship-response.dto.js';
import { ShipsService } from '../src/ships/ships.service.js';
import { buildDocument } from '../src/openapi.js';
import { UsersService } from '../src/users/users.service.js';
import { takeProblems } from './support/response-check.js';
import { bootApp, type TestApp } from './support/test-app.js';

/** Always the same; `npm run fuzz` takes another each time. */
const SEED = 42;

const run = async (app: TestApp, count: number, only?: RegExp): Promise<FuzzReport> => {
  const document = structuredClone(buildDocument(app.app, app.config));
  for (const path of Object.keys(document.paths)) {
    if (only && !only.test(path)) delete document.paths[path];
  }
  const users = app.app.get(UsersService, { strict: false });
  const makeAdmin = (name: string) => users.setAdmin(name, true);
  return fuzz({ url: app.url, document, makeAdmin }, { count, seed: SEED });
};

describe('The fuzzer', () => {
  let app: TestApp;

  afterEach(async () => {
    jest.restoreAllMocks();
    // The fuzzer has said already what the answers of a broken service were.
    takeProblems();
    await app.close();
  });

  it('finds nothing, at any operation', async () => {
    app = await bootApp();
    const { requests, answers } = await run(app, 500);
    expect(requests).toBeGreaterThanOrEqual(500);
    const operations = new Set([...answers.keys()].map((answer) => answer.split(' ')[0]));
    const paths = Object.values(buildDocument(app.app, app.config).paths);
    expect(operations.size).toBe(paths.flatMap((path) => Object.keys(path as object)).length);
    const statuses = new Set([...answers.keys()].map((answer) => answer.split(' ')[1]));
    expect([...statuses].sort()).toEqual(
      expect.arrayContaining(['200', '201', '204', '400', '401', '403', '404']),
    );
  }, 60_000);

  it('finds a request that ends in a 500', async () => {
    app = await bootApp();
    jest
      .spyOn(app.app.get(ShipsService, { strict: false }), 'remove')
      .mockRejectedValue(new Error());
    await expect(run(app, 200, /ships/)).rejects.toThrow(/500/);
  });

  it('finds an answer that the document does not know', async () => {
    app = await bootApp();
    jest.spyOn(ShipResponse, 'from').mockReturnValue({ hull: 1 } as unknown as ShipResponse);
    await expect(run(app, 200, /ships/)).rejects.toThrow(/additionalProperty":"hull/);
  });

  it.each(['findById', 'remove'] as const)(
    'finds a book of another that %s gives',
    async (method) => {
      app = await bootApp();
      const book = { id: 1, ownerId: 1, name: 'x', author: 'x', publisher: 'x', price: null };
      const books = app.app.get(BookRepository, { strict: false });
      jest.spyOn(books, method).mockResolvedValue((method === 'remove' ? true : book) as never);
      await expect(run(app, 1000, /books/)).rejects.toThrow(/of another/);
    },
  );

  it('finds a row that was deleted and is still there', async () => {
    app = await bootApp();
    jest.spyOn(app.app.get(ShipsService, { strict: false }), 'remove').mockResolvedValue();
    await expect(run(app, 300, /ships/)).rejects.toThrow(/was deleted, and is 200/);
  });
});
