import { SingleBar } from 'cli-progress';
import { DataSource } from 'typeorm';
import { createShipIndexes, dropShipIndexes } from '../migrations/ships-table.js';
import type { DatabaseSettings } from '../src/config/app-config.js';
import { dataSourceOptions } from '../src/database/data-source-options.js';

const BATCH = 20_000;

/**
 * Adds ships until the database holds `count`. Each is a copy of a demo ship with another length,
 * crew and model, so that the values of these fields are spread.
 *
 * @param settings of a database that nothing else uses and that holds the 15 demo ships
 */
export async function fillWithShips(settings: DatabaseSettings, count: number): Promise<void> {
  const source = await new DataSource(dataSourceOptions(settings)).initialize();
  const runner = source.createQueryRunner();
  const [first, last] = ['$1', '$2'].map((dollar) => (settings.engine === 'sqlite' ? '?' : dollar));
  const bar = new SingleBar({
    format: `${settings.engine} {bar} {value} of {total} ships, {eta} s left`,
  });
  try {
    // Creating the indexes after a large import is faster than updating them for every row.
    await dropShipIndexes(runner);
    bar.start(count, 15);
    for (let from = 15; from < count; from += BATCH) {
      const to = Math.min(from + BATCH, count);
      await runner.query(insertStatement(first!, last!), [from, to - 1]);
      bar.update(to);
    }
    bar.stop();
    console.error(`${settings.engine}: creating indexes …`);
    await createShipIndexes(runner);
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
  INSERT INTO ships (affiliation, category, crew, length, manufacturer, model, roles, ship_class)
  SELECT affiliation, category, crew + n % 4999, length + n % 1999, manufacturer,
         model || ' ' || CAST(n % 997 AS text), roles, ship_class
  FROM numbers JOIN ships ON ships.id = n % 15 + 1
  ORDER BY n`;
