import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApp } from '../src/app.setup.js';
import { AppConfig } from '../src/config/app-config.js';
import { packageRoot } from '../src/config/package-root.js';
import { buildDocument } from '../src/openapi/document.js';
import { accessMatrix, accessPage } from './access-matrix.js';
import { runCommand } from './run-command.js';

/**
 * Writes docs/openapi.json and docs/access.md, independent of the environment. With
 * `--variants <folder>` it writes one document for each group of settings that changes it instead.
 */
const { values: options } = parseArgs({ options: { variants: { type: 'string' } } });

const PRODUCTION = {
  NODE_ENV: 'production',
  JWT_SECRET_KEY: randomBytes(48).toString('base64'),
  DATABASE_CREATE: 'true',
};
const VARIANTS: Record<string, Record<string, string>> = {
  default: {},
  cookies: { TOKEN_COOKIES: 'true' },
  'cookies-only': { TOKEN_COOKIES: 'only', REFRESH_ROTATION: 'false' },
  production: { ...PRODUCTION, FLASK_COMPAT: 'false' },
  closed: {
    ...PRODUCTION,
    FLASK_COMPAT: 'false',
    REGISTRATION: 'closed',
    PUBLIC_URL: 'https://api.test/base',
    TOKEN_COOKIES: 'true',
  },
};

await runCommand(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'openapi-'));
  try {
    await writeDocuments(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** @param folder for temporary databases */
async function writeDocuments(folder: string): Promise<void> {
  if (options.variants === undefined) {
    await writeDocument(folder, {}, join(packageRoot, 'docs', 'openapi.json'));
    return writeAccess(folder, join(packageRoot, 'docs', 'access.md'));
  }
  mkdirSync(options.variants, { recursive: true });
  for (const [name, env] of Object.entries(VARIANTS)) {
    await writeDocument(folder, env, join(options.variants, `${name}.json`));
  }
}

async function writeDocument(
  folder: string,
  env: Record<string, string>,
  file: string,
): Promise<void> {
  await withApp(folder, env, async (app, config) => {
    writeFileSync(file, `${JSON.stringify(buildDocument(app, config), null, 2)}\n`);
  });
  console.log(`Wrote ${file}`);
}

async function writeAccess(folder: string, file: string): Promise<void> {
  const matrixWith = (flaskCompat: string) =>
    withApp(folder, { FLASK_COMPAT: flaskCompat }, async (app) => accessMatrix(app));
  writeFileSync(file, accessPage(await matrixWith('false'), await matrixWith('true')));
  console.log(`Wrote ${file}`);
}

/** Runs `work` with an application that does not listen. */
async function withApp<T>(
  folder: string,
  env: Record<string, string>,
  work: (app: NestFastifyApplication, config: AppConfig) => Promise<T>,
): Promise<T> {
  const database = `sqlite:${join(folder, 'app.sqlite')}`;
  const config = AppConfig.from({ DATABASE_URL: database, ...env });
  const app = await createApp(config, { logger: false });
  try {
    await app.init();
    return await work(app, config);
  } finally {
    await app.close();
  }
}
