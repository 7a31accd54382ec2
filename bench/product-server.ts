import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from './server-process.js';

/** The file that runs the product. */
export const productScript = fileURLToPath(new URL('product.js', import.meta.url));

/**
 * Starts the product with the fixture of the tests and without a rate limit.
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
    script: productScript,
    folder: join(folder, name),
    settings: {
      PORT: '0',
      DATABASE_URL: url,
      DEMO_DATA: 'false',
      AUTH_RATE_LIMIT: '0',
      JWT_SECRET_KEY: randomBytes(64).toString('base64url'),
      JWT_ACCESS_TOKEN_EXPIRES: '1d',
      ...settings,
    },
  });
}
