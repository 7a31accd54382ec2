import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Texts by which lists are sorted, as SQL declares them. */
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

/** What ships are sorted by: of a text the beginning, since an index cannot hold any length. */
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
 * What keeps every page of a list of ships as cheap as the first: an index for each field and
 * direction, in which ties are in order of `id`, upwards. Books are few for each owner, and names
 * of users have an index.
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
 * For migrations to come: TypeORM rebuilds a table of SQLite to alter it, and cannot rebuild these.
 * Drop them before, and create them after.
 */
export async function dropShipIndexes(runner: QueryRunner): Promise<void> {
  for (const { name } of INDEXES) await runner.query(`DROP INDEX "${name}"`);
}

/** SQLite compares texts by code points. PostgreSQL does what it was set up to, unless told. */
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
