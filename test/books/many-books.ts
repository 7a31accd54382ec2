import { numbers } from '../support/many-rows.js';
import type { TestApp } from '../support/test-app.js';

/** Inserts the books `book 1`, `book 2` and so on, also more than a user may have. */
export async function addBooks(app: TestApp, ownerId: number, count: number): Promise<void> {
  await app.sql((manager) =>
    manager.query(
      `INSERT INTO books (user_id, name, author, publisher, price) ${numbers(count)}
       SELECT ${ownerId}, 'book ' || i, 'author ' || (i * 7919 % 1000), 'a publisher', i FROM n`,
    ),
  );
}
