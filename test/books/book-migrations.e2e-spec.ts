import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openMigrationSource } from '../support/migration-source.js';
import { bootApp } from '../support/test-app.js';
import { createDatabase, type TestDatabase } from '../support/test-database.js';

describe('The migrations of the tables users and books', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createDatabase();
  });
  afterEach(() => database.drop());

  it('keeps users and their books when migrations of users are reverted and run again', async () => {
    const app = await bootApp({}, { database });
    const { access: token } = await app.login({ name: 'user', password: 'password' });
    const json = { name: 'A New Hope', author: 'L', publisher: 'D', price: 1 };
    await app.send('POST', '/api/books', { token, json });
    await app.app.close();
    const source = await openMigrationSource(database);
    const runner = source.createQueryRunner();
    const counts = async () => {
      const rows = (await runner.query(
        'SELECT (SELECT COUNT(*) FROM users) AS users, (SELECT COUNT(*) FROM books) AS books',
      )) as { users: number; books: number }[];
      return [Number(rows[0]!.users), Number(rows[0]!.books)];
    };
    while (await runner.hasColumn('users', 'name_key')) await source.undoLastMigration();
    expect(await counts()).toEqual([2, 1]);
    await source.runMigrations();
    expect(await counts()).toEqual([2, 1]);
    await runner.release();
    await source.destroy();
  });
});
