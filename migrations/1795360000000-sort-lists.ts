import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The text columns by which lists are sorted, with their SQL types. */
const TEXTS: Record<string, Record<string, string>> = {
  users: { name: 'varchar(80)' },
  ships: {
    affiliation: 'text',
    category: 'text',
    manufacturer: 'text',
    model: 'text',
    ship_class: 'text',
  },
  books: { name: 'varchar(255)', author: 'varchar(255)', publisher: 'varchar(255)' },
};

/** The sort keys of ships. Of a text only the beginning, because an index limits their length. */
const KEYS: Record<string, string> = {
  ...Object.fromEntries(
    Object.keys(TEXTS.ships!).map((column) => [column, `SUBSTR("${column}", 1, 100)`]),
  ),
  crew: '"crew"',
  length: '"length"',
};

const INDEXES = Object.entries(KEYS).flatMap(([column, key]) =>
  ['ASC', 'DESC'].map((direction) => ({
    name: `ships_${column}_${direction.toLowerCase()}_idx`,
    keys: `${key} ${direction}, "id"`,
  })),
);

/**
 * Creates an index for each field and direction of ships, so that every page of a list costs as
 * little as the first. Rows with equal keys are in ascending order of `id`. Books need no such
 * indexes, because an owner has few of them, and the names of users already have an index.
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

export async function createShipIndexes(runner: QueryRunner): Promise<void> {
  for (const { name, keys } of INDEXES) {
    await runner.query(`CREATE INDEX "${name}" ON "ships" (${keys})`);
  }
}

/**
 * Later migrations that alter the table must drop these indexes first and create them afterwards:
 * TypeORM rebuilds a SQLite table to alter it, and cannot rebuild these indexes.
 */
export async function dropShipIndexes(runner: QueryRunner): Promise<void> {
  for (const { name } of INDEXES) await runner.query(`DROP INDEX "${name}"`);
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
