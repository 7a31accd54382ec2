import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../src/config/package-root.js';
import { loadSqliteDriver } from '../src/database/sqlite/sqlite-driver.js';
import { ServerProcess } from './server-process.js';

/** Seconds; longer than any benchmark takes. */
const ACCESS_LIFETIME = 24 * 60 * 60;

export interface Contestants {
  product: ServerProcess;
  floor: ServerProcess;
}

/**
 * Starts both servers, each on a database of its own. The product makes its own, with the demo
 * data, and the floor gets a copy: same tables, same rows, same password hashes.
 */
export async function startContestants(folder: string): Promise<Contestants> {
  const secret = randomBytes(64).toString('base64url');
  const files = {
    product: join(folder, 'product', 'bench.sqlite'),
    floor: join(folder, 'floor.sqlite'),
  };
  const product = await ServerProcess.start({
    name: 'The product',
    script: join(packageRoot, 'dist', 'src', 'main.js'),
    folder: join(folder, 'product'),
    settings: {
      PORT: '0',
      DATABASE_URL: `sqlite:${files.product}`,
      DEMO_DATA: 'true',
      AUTH_RATE_LIMIT: '0',
      JWT_SECRET_KEY: secret,
      JWT_ACCESS_TOKEN_EXPIRES: `${ACCESS_LIFETIME}s`,
    },
  });
  await copyDatabase(files.product, files.floor);
  const floor = await ServerProcess.start({
    name: 'The floor',
    script: fileURLToPath(new URL('floor-server.js', import.meta.url)),
    folder: join(folder, 'floor'),
    settings: {
      DATABASE: files.floor,
      SECRET: secret,
      ACCESS_LIFETIME: String(ACCESS_LIFETIME),
    },
  });
  return { product, floor };
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
