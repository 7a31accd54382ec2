import { SingleBar } from 'cli-progress';
import { DataSource } from 'typeorm';
import { createSortIndexes, dropSortIndexes } from '../migrations/sort-indexes.js';
import type { DatabaseSettings } from '../src/config/app-config.js';
import { dataSourceOptions } from '../src/database/data-source-options.js';
import { exampleCrates } from '../test/support/fixture/crates.js';
import { crateSortKeys } from '../test/support/fixture/create-crates-scrolls.migration.js';

const BATCH = 20_000;
const EXAMPLES = exampleCrates.length;

/**
 * Adds crates until the database holds `count`. Each is a copy of an example crate with another
 * weight, count and label, so that the values of these fields are spread.
 *
 * @param settings of a database that nothing else uses and that holds the example crates
 */
export async function fillWithCrates(settings: DatabaseSettings, count: number): Promise<void> {
  const source = await new DataSource(dataSourceOptions(settings)).initialize();
  const runner = source.createQueryRunner();
  const [first, last] = ['$1', '$2'].map((dollar) => (settings.engine === 'sqlite' ? '?' : dollar));
  const bar = new SingleBar({
    format: `${settings.engine} {bar} {value} of {total} crates, {eta} s left`,
  });
  try {
    // Creating the indexes after a large import is faster than updating them for every row.
    await dropSortIndexes(runner, 'crates', Object.keys(crateSortKeys));
    bar.start(count, EXAMPLES);
    for (let from = EXAMPLES; from < count; from += BATCH) {
      const to = Math.min(from + BATCH, count);
      await runner.query(insertStatement(first!, last!), [from, to - 1]);
      bar.update(to);
    }
    bar.stop();
    console.error(`${settings.engine}: creating indexes …`);
    await createSortIndexes(runner, 'crates', crateSortKeys);
    await runner.query('ANALYZE');
  } finally {
    bar.stop();
    await source.destroy();
  }
}

const insertStatement = (first: string, last: string): string => `
  WITH RECURSIVE numbers(n) AS (
    SELECT CAST(${first} AS integer)
    UNION ALL SELECT n + 1 FROM numbers WHERE n < CAST(${last} AS integer)
  )
  INSERT INTO crates (label, kind, packed_by, count, weight, tags)
  SELECT label || ' ' || CAST(n % 997 AS text), kind, packed_by, count + n % 4999,
         weight + n % 1999, tags
  FROM numbers JOIN crates ON crates.id = n % ${EXAMPLES} + 1
  ORDER BY n`;
