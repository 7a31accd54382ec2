import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { packageRoot } from '../src/config/package-root.js';
import { ServerProcess } from './server-process.js';

/**
 * Starts the built product with the demo data and without a rate limit.
 *
 * @param url of an empty database; the default is a new SQLite file
 */
export function startProduct(
  folder: string,
  name: string,
  {
    url = `sqlite:${join(folder, name, 'bench.sqlite')}`,
    settings = {},
  }: { url?: string; settings?: Record<string, string> } = {},
): Promise<ServerProcess> {
  return ServerProcess.start({
    name: 'The product',
    script: join(packageRoot, 'dist', 'src', 'main.js'),
    folder: join(folder, name),
    settings: {
      PORT: '0',
      DATABASE_URL: url,
      DEMO_DATA: 'true',
      AUTH_RATE_LIMIT: '0',
      JWT_SECRET_KEY: randomBytes(64).toString('base64url'),
      JWT_ACCESS_TOKEN_EXPIRES: '1d',
      ...settings,
    },
  });
}
