/** Fuzzes the API on SQLite and, if a server answers, on PostgreSQL. `usage` lists the options. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchDatabase, postgresDatabase, sqliteDatabase } from '../bench/bench-databases.js';
import { createApp } from '../src/app.setup.js';
import { AppConfig } from '../src/config/app-config.js';
import { buildDocument } from '../src/openapi/document.js';
import { UserRolesService } from '../src/users/roles/user-roles.service.js';
import { fuzz } from './fuzzer.js';

const usage = `npm run fuzz -- [options]
  --requests <n>  number of requests on each database (10000)
  --seed <n>      the same seed repeats the same requests (default: random, and printed)`;

async function fuzzOn(database: BenchDatabase, count: number, seed: number): Promise<void> {
  const { engine } = database.settings;
  const config = AppConfig.from(
    {
      DATABASE_URL: database.url,
      AUTH_RATE_LIMIT: '0',
      JWT_SECRET_KEY: randomBytes(64).toString('base64url'),
    },
    // A run hashes many passwords, and their cost is not what the fuzzer tests.
    { passwordHashCost: { memoryCost: 64, timeCost: 1, parallelism: 1 } },
  );
  const app = await createApp(config, { logger: false });
  await app.listen(0, '127.0.0.1');
  const target = {
    url: await app.getUrl(),
    document: buildDocument(app, config),
    makeAdmin: (name: string) =>
      app.get(UserRolesService, { strict: false }).setRole(name, 'admin', true),
  };
  try {
    const { requests, answers } = await fuzz(target, { count, seed });
    console.log(`${engine}: ${requests} requests, seed ${seed}: no violations.`);
    const lines = [...answers].sort().map(([answer, number]) => `  ${answer}: ${number}`);
    console.log(lines.join('\n'));
  } finally {
    await app.close();
  }
}

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(randomBytes(3).readUIntBE(0, 3)) },
    help: { type: 'boolean', default: false },
  },
});
const [count, seed] = [Number(values.requests), Number(values.seed)];
if (values.help || !Number.isInteger(count) || count < 1 || !Number.isInteger(seed)) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}

const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
const postgres = await postgresDatabase();
try {
  await fuzzOn(sqliteDatabase(folder), count, seed);
  if (postgres) await fuzzOn(postgres, count, seed);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
  await postgres?.remove();
}
