import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { BookRepository } from '../../../src/books/book.repository.js';
import { ShipResponse } from '../../../src/ships/dto/ship-response.dto.js';
import { ShipsService } from '../../../src/ships/ships.service.js';
import { SessionBatchesService } from '../../../src/sessions/session-batches.service.js';
import { SessionRepository } from '../../../src/sessions/session.repository.js';
import { TokenService } from '../../../src/tokens/token.service.js';
import { fuzzApp } from '../../support/fuzz-app.js';
import { takeProblems } from '../../support/response-check.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

describe('The fuzzer finds', () => {
  let app: TestApp;

  afterEach(async () => {
    jest.restoreAllMocks();
    // The fuzzer has said already what the answers of a broken service were.
    takeProblems();
    await app.close();
  });

  const ships = () => app.app.get(ShipsService, { strict: false });
  const sessions = () => app.app.get(SessionRepository, { strict: false });
  const batches = () => app.app.get(SessionBatchesService, { strict: false });

  it('a request that ends in a 500', async () => {
    app = await bootApp();
    jest.spyOn(ships(), 'remove').mockRejectedValue(new Error());
    await expect(fuzzApp(app, 200, /ships/)).rejects.toThrow(/500/);
  });

  it('an answer that the document does not know', async () => {
    app = await bootApp();
    jest.spyOn(ShipResponse, 'from').mockReturnValue({ hull: 1 } as unknown as ShipResponse);
    await expect(fuzzApp(app, 200, /ships/)).rejects.toThrow(/additionalProperty":"hull/);
  });

  it.each(['findById', 'remove'] as const)('a book of another that %s gives', async (method) => {
    app = await bootApp();
    const book = { id: 1, ownerId: 1, name: 'x', author: 'x', publisher: 'x', price: null };
    const books = app.app.get(BookRepository, { strict: false });
    jest.spyOn(books, method).mockResolvedValue((method === 'remove' ? true : book) as never);
    await expect(fuzzApp(app, 1000, /books/)).rejects.toThrow(/which is another's/);
  });

  it('a session of another that is listed', async () => {
    app = await bootApp();
    const list = sessions().listActive.bind(sessions());
    jest
      .spyOn(sessions(), 'listActive')
      .mockImplementation(async (subject, caller) => [
        ...(await list(subject, caller)),
        ...(await list(String(Number(subject) - 1), caller)),
      ]);
    await expect(fuzzApp(app, 300, /sessions$/)).rejects.toThrow(/which is another's/);
  });

  it('a session of another that ends', async () => {
    app = await bootApp();
    const isLive = async (id: string) => (await sessions().findActive(id)) !== undefined;
    jest.spyOn(sessions(), 'hasActive').mockImplementation((_, id) => isLive(id));
    jest.spyOn(sessions(), 'endOf').mockImplementation((_, id) => sessions().end(id));
    await expect(fuzzApp(app, 300, /sessions/)).rejects.toThrow(/which is another's/);
  });

  it('a row that was deleted and is still there', async () => {
    app = await bootApp();
    jest.spyOn(ships(), 'remove').mockResolvedValue();
    await expect(fuzzApp(app, 300, /ships/)).rejects.toThrow(/after DELETE .+ is 200/);
  });

  it('a book of another that is deleted although the answer is 404', async () => {
    app = await bootApp();
    const books = app.app.get(BookRepository, { strict: false });
    const remove = books.remove.bind(books);
    jest.spyOn(books, 'remove').mockImplementation(async (owner, id) => {
      for (let other = owner - 5; other <= owner + 5; other++) {
        if (await remove(other, id)) return other === owner;
      }
      return false;
    });
    await expect(fuzzApp(app, 1000, /books/)).rejects.toThrow(/was refused, and did it/);
  });

  it.each<[string, RegExp, () => unknown]>([
    [
      'a deleted user',
      /api\/users\/\{|login$/,
      () => {
        jest.spyOn(sessions(), 'endAll').mockResolvedValue(true);
        jest.spyOn(batches(), 'removeBatch').mockResolvedValue(false);
      },
    ],
    [
      'a changed password',
      /password|auth\/login/,
      () => jest.spyOn(sessions(), 'endAll').mockResolvedValue(true),
    ],
  ])('tokens that outlive %s', async (_, paths, breakIt) => {
    app = await bootApp();
    breakIt();
    await expect(fuzzApp(app, 1000, paths)).rejects.toThrow(/still works/);
  });

  it.each<[string, () => unknown]>([
    ['logout', () => jest.spyOn(app.app.get(TokenService), 'revoke').mockResolvedValue()],
    ['logout2', () => jest.spyOn(sessions(), 'end').mockResolvedValue(true)],
    ['sessions', () => jest.spyOn(batches(), 'endBatch').mockResolvedValue(1)],
  ])('that DELETE /auth/%s ends nothing', async (path, breakIt) => {
    app = await bootApp();
    breakIt();
    const paths = new RegExp(`^/auth/(${path}|login)$`);
    await expect(fuzzApp(app, 300, paths)).rejects.toThrow(/still works/);
  });
});
