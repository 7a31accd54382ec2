import { type BenchDatabase, postgresDatabase, sqliteDatabase } from './bench-databases.js';
import { comparePages, type ListResult, type Traversal, traverseList } from './compare-lists.js';
import type { ListQuery } from './list-queries.js';
import { fillWithCrates } from './many-crates.js';
import { startProduct } from './product-server.js';

export interface ListOptions {
  listQueries: readonly ListQuery[];
  /** The number of crates in the table. */
  crates: number;
  rounds: number;
  seconds: number;
}

export interface ListResults {
  results: ListResult[];
  /** The traversal of the whole list, by database engine. */
  traversals: Record<string, Traversal>;
}

/** Measures lists of many crates, on SQLite and, if a server answers, on PostgreSQL. */
export async function measureLists(folder: string, options: ListOptions): Promise<ListResults> {
  const measured: ListResults = { results: [], traversals: {} };
  await measureOn(sqliteDatabase(folder), folder, options, measured);
  const postgres = await postgresDatabase();
  try {
    if (postgres) await measureOn(postgres, folder, options, measured);
  } finally {
    await postgres?.remove();
  }
  return measured;
}

async function measureOn(
  database: BenchDatabase,
  folder: string,
  { listQueries, crates, rounds, seconds }: ListOptions,
  { results, traversals }: ListResults,
): Promise<void> {
  const { engine } = database.settings;
  const start = () =>
    startProduct(folder, `lists-${engine}`, {
      name: `The product on ${engine}`,
      url: database.url,
    });
  // The first start creates the tables and the example crates, from which the others are derived.
  await (await start()).stop();
  await fillWithCrates(database.settings, crates);
  const server = await start();
  for (const query of listQueries) {
    console.error(`${engine}: GET /api/crates?${query.query} …`);
    results.push(await comparePages(engine, query, server, { rounds, seconds }));
  }
  console.error(`${engine}: a traversal of all crates, while crates are added …`);
  traversals[engine] = await traverseList(server, crates);
  await server.stop();
}
