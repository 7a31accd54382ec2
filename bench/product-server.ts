import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from './server-process.js';

interface ProductOptions {
  /** For messages. */
  name?: string;
  /** The file that runs the product. */
  script?: string;
  /** The URL of an empty database; the default is the new SQLite file `bench.sqlite`. */
  url?: string;
  /** Further environment variables. */
  settings?: Record<string, string>;
}

/**
 * Starts the product with the fixture of the tests and without a rate limit.
 *
 * @param parent the folder in which the working directory is created
 * @param subfolder the name of the working directory
 */
export function startProduct(
  parent: string,
  subfolder: string,
  {
    name = 'The product',
    script = fileURLToPath(new URL('product.js', import.meta.url)),
    url = `sqlite:${join(parent, subfolder, 'bench.sqlite')}`,
    settings = {},
  }: ProductOptions = {},
): Promise<ServerProcess> {
  return ServerProcess.start({
    name,
    script,
    folder: join(parent, subfolder),
    settings: {
      PORT: '0',
      HOST: '127.0.0.1',
      DATABASE_URL: url,
      // As it runs in production, with the routes and passwords of the originals.
      NODE_ENV: 'production',
      DATABASE_CREATE: 'true',
      FLASK_COMPAT: 'true',
      PASSWORD_MIN_LENGTH: '4',
      SHUTDOWN_DELAY: '0s',
      AUTH_RATE_LIMIT: '0',
      USER_RATE_LIMIT: '0',
      JWT_SECRET_KEY: randomBytes(64).toString('base64url'),
      JWT_ACCESS_TOKEN_EXPIRES: '1d',
      ...settings,
    },
  });
}
