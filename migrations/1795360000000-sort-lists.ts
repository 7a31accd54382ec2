import type { MigrationInterface, QueryRunner } from 'typeorm';
import { BOOK_TEXTS } from './books-table.js';
import { createShipIndexes, dropShipIndexes, SHIP_TEXTS } from './ships-table.js';

/** The text columns by which lists are sorted, with their SQL types. */
const TEXTS: Record<string, Record<string, string>> = {
  users: { name: 'varchar(80)' },
  ships: SHIP_TEXTS,
  books: BOOK_TEXTS,
};

/**
 * Makes both databases sort texts by code points, and creates the indexes of sorted lists. Rows of
 * an owner need none, because an owner has few of them, and the names of users already have one.
 */
export class SortLists1795360000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await collate(runner, '"C"');
    await createShipIndexes(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropShipIndexes(runner);
    await collate(runner, '"default"');
  }
}

/** SQLite compares texts by code points. PostgreSQL uses the database's collation by default. */
async function collate(runner: QueryRunner, collation: string): Promise<void> {
  if (runner.connection.options.type !== 'postgres') return;
  for (const [table, columns] of Object.entries(TEXTS)) {
    for (const [column, type] of Object.entries(columns)) {
      await runner.query(
        `ALTER TABLE "${table}" ALTER COLUMN "${column}" TYPE ${type} COLLATE ${collation}`,
      );
    }
  }
}
