import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { NO_PRECONDITION } from '../../src/database/versions/precondition.js';
import { versionOf, withVersion } from '../../src/http/conditional/conditional-requests.js';
import { firstPage } from '../../src/lists/list-query.js';
import { BooksController } from '../../src/books/books.controller.js';
import type { BooksService } from '../../src/books/books.service.js';
import type { KeyedRequest } from '../../src/idempotency/idempotency-key.decorator.js';
import type { IdempotencyService } from '../../src/idempotency/idempotency.service.js';

const values = { name: 'Am\u00e9lie', author: 'Zahn', publisher: 'Bantam', price: null };
const book = { ...values, id: 5, ownerId: 7, version: 3 };
const response = withVersion({ ...values, id: 5 }, book);
const body = { name: 'Ame\u0301lie', author: 'Zahn', publisher: 'Bantam' };

describe('BooksController', () => {
  const list = jest.fn<BooksService['list']>();
  const get = jest.fn<BooksService['get']>();
  const create = jest.fn<BooksService['create']>();
  const replace = jest.fn<BooksService['replace']>();
  const patch = jest.fn<BooksService['patch']>();
  const remove = jest.fn<BooksService['remove']>();
  const service: Partial<BooksService> = { list, get, create, replace, patch, remove };
  const keys: (KeyedRequest | null)[] = [];
  const once: IdempotencyService['once'] = (key, write) => {
    keys.push(key);
    return write();
  };
  const controller = new BooksController(
    service as BooksService,
    { once } as Partial<IdempotencyService> as IdempotencyService,
  );

  beforeEach(() => {
    jest.clearAllMocks();
    keys.length = 0;
    list.mockResolvedValue({ rows: [book], next: 'next' });
    get.mockResolvedValue(book);
    create.mockResolvedValue(book);
    replace.mockResolvedValue(book);
    patch.mockResolvedValue(book);
    remove.mockResolvedValue();
  });

  const query = firstPage(1);

  it('lists the books of the owner, without the owner', async () => {
    expect(await controller.list(7, query)).toEqual({ rows: [response], next: 'next' });
    expect(list.mock.calls).toEqual([[7, query]]);
  });

  it('returns a book of the owner', async () => {
    expect(await controller.get(7, 5)).toEqual(response);
    expect(get.mock.calls).toEqual([[7, 5]]);
  });

  it('creates a book for the owner, in Unicode NFC', async () => {
    expect(await controller.create(7, body, null)).toEqual(response);
    expect(create.mock.calls).toEqual([[7, values]]);
  });

  it('creates a book once for an Idempotency-Key', async () => {
    const key = { id: 'key' } as KeyedRequest;
    const created = await controller.create(7, body, key);
    expect([created, versionOf(created)]).toEqual([response, 3]);
    expect(keys).toEqual([key]);
  });

  it('replaces a book of the owner, in Unicode NFC', async () => {
    expect(await controller.replace(7, 5, { ...body, id: 5 }, NO_PRECONDITION)).toEqual(response);
    expect(replace.mock.calls).toEqual([[7, 5, values, NO_PRECONDITION]]);
  });

  it('changes the values that a body names, in Unicode NFC', async () => {
    const changes = { name: 'Ame\u0301lie', price: null, id: 5 };
    expect(await controller.patch(7, 5, changes, NO_PRECONDITION)).toEqual(response);
    expect(patch.mock.calls).toEqual([[7, 5, { name: values.name, price: null }, NO_PRECONDITION]]);
  });

  it('refuses a body with another id than the path with 400', async () => {
    const mismatch = { code: 'id_mismatch' };
    const replaced = controller.replace(7, 5, { ...body, id: 6 }, NO_PRECONDITION);
    await expect(replaced).rejects.toMatchObject(mismatch);
    const patched = controller.patch(7, 5, { id: 6 }, NO_PRECONDITION);
    await expect(patched).rejects.toMatchObject(mismatch);
    expect(replace).not.toHaveBeenCalled();
    expect(patch).not.toHaveBeenCalled();
  });

  it('removes a book of the owner', async () => {
    await controller.remove(7, 5, NO_PRECONDITION);
    expect(remove.mock.calls).toEqual([[7, 5, NO_PRECONDITION]]);
  });
});
