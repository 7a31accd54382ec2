import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSqliteDriver } from '../src/database/sqlite/sqlite-driver.js';
import { productScript } from './product-server.js';
import { ServerProcess } from './server-process.js';

/** Seconds. Longer than any benchmark takes. */
const ACCESS_LIFETIME = 24 * 60 * 60;

/** The two servers that the benchmark compares. */
export interface Servers {
  product: ServerProcess;
  baseline: ServerProcess;
}

/**
 * Starts both servers, each on its own database. The product creates its database with the users
 * and the crates of the tests. The baseline gets a copy, with the same tables, rows and password hashes.
 */
export async function startServers(folder: string): Promise<Servers> {
  const secret = randomBytes(64).toString('base64url');
  const files = {
    product: join(folder, 'product', 'bench.sqlite'),
    baseline: join(folder, 'baseline.sqlite'),
  };
  const product = await ServerProcess.start({
    name: 'The product',
    script: productScript,
    folder: join(folder, 'product'),
    settings: {
      PORT: '0',
      DATABASE_URL: `sqlite:${files.product}`,
      DEMO_DATA: 'false',
      AUTH_RATE_LIMIT: '0',
      JWT_SECRET_KEY: secret,
      JWT_ACCESS_TOKEN_EXPIRES: `${ACCESS_LIFETIME}s`,
    },
  });
  await copyDatabase(files.product, files.baseline);
  const baseline = await ServerProcess.start({
    name: 'The baseline',
    script: fileURLToPath(new URL('baseline-server.js', import.meta.url)),
    folder: join(folder, 'baseline'),
    settings: {
      DATABASE: files.baseline,
      SECRET: secret,
      ACCESS_LIFETIME: String(ACCESS_LIFETIME),
    },
  });
  return { product, baseline };
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
