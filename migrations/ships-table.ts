import { type QueryRunner, Table, type TableColumnOptions } from 'typeorm';
import { createSortIndexes, dropSortIndexes } from './sort-indexes.js';

const text = (name: string): TableColumnOptions => ({ name, type: 'text' });

/** The text columns, with their SQL types. */
export const SHIP_TEXTS = {
  affiliation: 'text',
  category: 'text',
  manufacturer: 'text',
  model: 'text',
  ship_class: 'text',
};

/** The sort keys. Of a text only the beginning, because an index limits their length. */
const SORT_KEYS: Record<string, string> = {
  ...Object.fromEntries(
    Object.keys(SHIP_TEXTS).map((column) => [column, `SUBSTR("${column}", 1, 100)`]),
  ),
  crew: '"crew"',
  length: '"length"',
};

export async function createShips(runner: QueryRunner): Promise<void> {
  await runner.createTable(
    new Table({
      name: 'ships',
      columns: [
        {
          name: 'id',
          type: 'integer',
          isPrimary: true,
          isGenerated: true,
          generationStrategy: 'increment',
        },
        text('affiliation'),
        text('category'),
        { name: 'crew', type: 'bigint' },
        { name: 'length', type: 'bigint' },
        text('manufacturer'),
        text('model'),
        text('roles'),
        text('ship_class'),
      ],
    }),
  );
}

export async function dropShips(runner: QueryRunner): Promise<void> {
  await runner.dropTable('ships');
}

/**
 * Creates an index for each field and direction, so that every page of a list costs as little as the
 * first.
 */
export async function createShipIndexes(runner: QueryRunner): Promise<void> {
  await createSortIndexes(runner, 'ships', SORT_KEYS);
}

/** Later migrations that alter the table must drop these indexes first; see `dropSortIndexes`. */
export async function dropShipIndexes(runner: QueryRunner): Promise<void> {
  await dropSortIndexes(runner, 'ships', Object.keys(SORT_KEYS));
}
