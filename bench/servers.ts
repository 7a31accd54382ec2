import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSqliteDriver } from '../src/database/sqlite/sqlite-driver.js';
import type { OtherBuild } from './other-build.js';
import { startProduct } from './product-server.js';
import { ServerProcess } from './server-process.js';

/** Seconds. Longer than any benchmark takes. */
const ACCESS_LIFETIME = 24 * 60 * 60;

/** The two servers that the benchmark compares, each on a database of its own. */
export interface Servers {
  product: ServerProcess;
  /** The baseline, or another build of the product. */
  reference: ServerProcess;
}

type Settings = Record<string, string>;

/**
 * Starts the product and the baseline. The product creates its database with the users, the crates and
 * the scrolls of the tests. The baseline gets a copy of the SQLite file, with the same tables, rows and
 * password hashes. On PostgreSQL, which is another process, both use one database by turns.
 *
 * @param url of an empty PostgreSQL database; without it, both use SQLite
 */
export async function startWithBaseline(
  folder: string,
  settings: Settings,
  url?: string,
): Promise<Servers> {
  const JWT_SECRET_KEY = randomBytes(64).toString('base64url');
  const product = await startProduct(folder, 'product', {
    settings: { JWT_SECRET_KEY, ...settings },
    ...(url !== undefined && { url }),
  });
  const file = join(folder, 'baseline.sqlite');
  if (url === undefined) await copyDatabase(join(folder, 'product', 'bench.sqlite'), file);
  const reference = await ServerProcess.start({
    name: 'The baseline',
    script: fileURLToPath(new URL('baseline-server.js', import.meta.url)),
    folder: join(folder, 'baseline'),
    settings: {
      DATABASE: url ?? file,
      SECRET: JWT_SECRET_KEY,
      ACCESS_LIFETIME: String(ACCESS_LIFETIME),
    },
  });
  return { product, reference };
}

/** Starts the product and another build of it. Only the product gets the settings. */
export async function startWithOther(
  folder: string,
  settings: Settings,
  { name, script }: OtherBuild,
): Promise<Servers> {
  return {
    product: await startProduct(folder, 'product', { settings }),
    reference: await startProduct(folder, 'other', { name, script }),
  };
}

async function copyDatabase(from: string, to: string): Promise<void> {
  const { Sqlite } = loadSqliteDriver();
  const database = new Sqlite(from, { readonly: true });
  try {
    await database.backup(to);
  } finally {
    database.close();
  }
}
