import { join } from 'node:path';
import { type BenchDatabase, postgresDatabase, sqliteDatabase } from './bench-databases.js';
import { compareRoute, measureRoute, type Result, type Rounds } from './compare-routes.js';
import { startProduct } from './product-server.js';
import { type Scenario, scenarios, titleOf } from './scenarios.js';
import { median } from './statistics.js';

/** Targets of several workers, compared with one. */
export const WORKER_TARGETS = {
  /** Requests for each CPU second of the server. */
  efficiency: 0.85,
  /** The share of the least busy of two workers. */
  share: 0.4,
  /** Requests per second of routes that write. */
  writes: 1,
};

/** Connections of the load generator: enough that each worker has several requests at once. */
const CONNECTIONS = 64;

/** One route with several workers, compared with one worker. */
export interface WorkersResult {
  engine: string;
  workers: number;
  route: Result;
  /** The CPU time of the least busy worker as a share of that of all: the median of the rounds. */
  smallestShare: number;
}

interface Options {
  launches: number;
  rounds: number;
  seconds: number;
}

/** Measures reads, writes and logins with two workers, and writes with three. */
export async function measureWorkers(folder: string, options: Options): Promise<WorkersResult[]> {
  const names = { 2: ['crate', 'me', 'create-crate', 'login'], 3: ['create-crate'] };
  const results: WorkersResult[] = [];
  for (const engine of ['sqlite', 'postgres']) {
    for (const [workers, routes] of Object.entries(names)) {
      for (const name of routes) {
        const scenario = { ...scenarios.find((each) => each.name === name)! };
        if (name !== 'login') scenario.connections = CONNECTIONS;
        const subfolder = join(folder, `${engine}-${workers}-${name}`);
        const result = await measureOne(scenario, Number(workers), { engine, subfolder }, options);
        if (result) results.push(result);
      }
    }
  }
  return results;
}

/** @returns null if there is no such database here */
async function measureOne(
  scenario: Scenario,
  workers: number,
  { engine, subfolder }: { engine: string; subfolder: string },
  { launches, rounds: count, seconds }: Options,
): Promise<WorkersResult | null> {
  const rounds: Rounds = { product: [], reference: [] };
  for (let launch = 1; launch <= launches; launch++) {
    console.error(`${engine}, ${workers} workers: ${titleOf(scenario)} …`);
    const databases: BenchDatabase[] = [];
    try {
      const start = async (number: number) => {
        const own = join(subfolder, `${launch}-${number}`);
        const database = await (engine === 'sqlite'
          ? sqliteDatabase(own)
          : postgresDatabase(`_${number}_workers`));
        if (database) databases.push(database);
        const settings = { WORKERS: String(number) };
        return database && startProduct(own, 'product', { url: database.url, settings });
      };
      const [product, reference] = [await start(workers), await start(1)];
      if (!product || !reference) return null;
      await measureRoute(scenario, { product, reference }, { rounds: count, seconds }, rounds);
      await Promise.all([product.stop(), reference.stop()]);
    } finally {
      for (const { remove } of databases) await remove();
    }
  }
  const smallestShare = median(rounds.product.map((each) => each.smallestShare));
  return { engine, workers, route: compareRoute(scenario, rounds), smallestShare };
}
