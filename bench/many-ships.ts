import { SingleBar } from 'cli-progress';
import { DataSource } from 'typeorm';
import { createShipIndexes, dropShipIndexes } from '../migrations/1795360000000-sort-lists.js';
import type { DatabaseSettings } from '../src/config/app-config.js';
import { dataSourceOptions } from '../src/database/data-source-options.js';
import { entities } from '../src/entities.js';

const BATCH = 20_000;

/**
 * Fills a database up to so many ships, each of which resembles one of the demo data's, with
 * lengths, crews and models that spread.
 *
 * @param settings of a database that nothing else uses, with the 15 ships of the demo data
 */
export async function fillWithShips(settings: DatabaseSettings, count: number): Promise<void> {
  const source = await new DataSource(dataSourceOptions(settings, entities)).initialize();
  const runner = source.createQueryRunner();
  const [first, last] = ['$1', '$2'].map((dollar) => (settings.engine === 'sqlite' ? '?' : dollar));
  const bar = new SingleBar({
    format: `${settings.engine} {bar} {value} of {total} ships, {eta} s`,
  });
  try {
    // As with every large import, an index is faster made at the end than kept up row by row.
    await dropShipIndexes(runner);
    bar.start(count, 15);
    for (let from = 15; from < count; from += BATCH) {
      const to = Math.min(from + BATCH, count);
      await runner.query(INSERT(first!, last!), [from, to - 1]);
      bar.update(to);
    }
    bar.stop();
    console.error(`${settings.engine}: indexes …`);
    await createShipIndexes(runner);
    await runner.query('ANALYZE');
  } finally {
    bar.stop();
    await source.destroy();
  }
}

const INSERT = (first: string, last: string): string => `
  WITH RECURSIVE numbers(n) AS (
    SELECT CAST(${first} AS integer)
    UNION ALL SELECT n + 1 FROM numbers WHERE n < CAST(${last} AS integer)
  )
  INSERT INTO ships (affiliation, category, crew, length, manufacturer, model, roles, ship_class)
  SELECT affiliation, category, crew + n % 4999, length + n % 1999, manufacturer,
         model || ' ' || CAST(n % 997 AS text), roles, ship_class
  FROM numbers JOIN ships ON ships.id = n % 15 + 1
  ORDER BY n`;
