import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { EntityManager } from 'typeorm';
import { type AppOptions, createApp } from '../../src/app.setup.js';
import { AppConfig, type PasswordHashCost } from '../../src/config/app-config.js';
import { Database } from '../../src/database/database.js';
import { buildDocument } from '../../src/openapi/document.js';
import type { Role } from '../../src/users/roles/roles.js';
import { UserRolesService } from '../../src/users/roles/user-roles.service.js';
import { Client, type LoggedIn } from './client.js';
import { featuresOff } from './features.js';
import { report, type ResponseCheck, responseCheck } from './response-check.js';
import { createMigratedDatabase, type TestDatabase } from './test-database.js';
import { addTestUsers } from './test-users.js';

/** A secret that production accepts with every HMAC algorithm. */
export const SECRET =
  'a secret of the tests, long enough for every HMAC algorithm there is, HS512 too';

/**
 * Timeouts in milliseconds for tests of clients that never finish. They are long enough for other
 * requests on a busy machine.
 */
export const SHORT_TIMEOUTS = { head: 1500, request: 3000, checkInterval: 50 };

export interface TestApp extends Client {
  app: NestFastifyApplication;
  config: AppConfig;
  database: TestDatabase;
  /** Runs statements on the application's own database. */
  sql<T>(work: (manager: EntityManager) => Promise<T>): Promise<T>;
  /** Registers a user with these roles, and logs the user in. */
  newLogin(...roles: Role[]): Promise<LoggedIn>;
  /** Stops the application and starts it again on the same database. */
  restart(env?: Record<string, string>, passwordHashCost?: PasswordHashCost): Promise<TestApp>;
  close(): Promise<void>;
}

export interface TestAppOptions extends AppOptions {
  /** A database that another application has used; by default a new one. */
  database?: TestDatabase;
  passwordHashCost?: PasswordHashCost;
  /** Whether a database without users gets `testUsers`, as by default. */
  users?: boolean;
  /** Runs before the application listens, also after a restart. */
  prepare?: (app: NestFastifyApplication) => Promise<void>;
  /**
   * Names the imports. Applications of the same variant with the same settings share the check of
   * their responses. Without a name, each application with imports builds its own document.
   */
  variant?: string;
}

/**
 * Boots the real application on a new database with `testUsers`, and lets it listen. Password hashes
 * cost little, to save time. `featuresOff` are off, unless the test turns them on.
 */
export async function bootApp(
  env: Record<string, string> = {},
  options: TestAppOptions = {},
): Promise<TestApp> {
  const database = options.database ?? (await createMigratedDatabase());
  const { passwordHashCost = { memoryCost: 64, timeCost: 1, parallelism: 1 } } = options;
  const { users = true, prepare, variant, ...appOptions } = options;
  const defaults = {
    ...{ JWT_SECRET_KEY: SECRET, AUTH_RATE_LIMIT: '0' },
    ...featuresOff,
    // In production the service waits for load balancers by default. Tests have none.
    SHUTDOWN_DELAY: '0s',
    // Each test starts with an empty folder, also with `NODE_ENV=production`.
    DATABASE_CREATE: 'true',
  };
  const config = AppConfig.from(
    { ...database.settings, ...defaults, ...env },
    { passwordHashCost },
  );
  const app = await createApp(config, { logger: false, ...appOptions });
  checkResponses(app, () => {
    if (options.imports && !variant) return responseCheck(buildDocument(app, config));
    const key = JSON.stringify([variant, env]);
    const check = checks.get(key) ?? responseCheck(buildDocument(app, config));
    checks.set(key, check);
    return check;
  });
  try {
    await app.init();
    if (users) await addTestUsers(app);
    await prepare?.(app);
    await app.listen(0, '127.0.0.1');
  } catch (error) {
    await app.close();
    await database.drop();
    throw error;
  }
  const client = new Client(await app.getUrl());
  return Object.assign(client, {
    app,
    config,
    database,
    sql: <T>(work: (manager: EntityManager) => Promise<T>) => app.get(Database).write(work),
    newLogin: async (...roles: Role[]) => {
      const user = await client.newUser();
      if (roles.length > 0) {
        await app.get(UserRolesService, { strict: false }).replace(user.id, roles);
      }
      return { ...user, ...(await client.login(user)) };
    },
    restart: async (changes = {}, cost = passwordHashCost) => {
      await app.close();
      return bootApp({ ...env, ...changes }, { ...options, database, passwordHashCost: cost });
    },
    close: async () => {
      await app.close();
      await database.drop();
    },
  });
}

/**
 * The checks by the variant and the settings of the application. They are cached because building
 * the document takes as long as starting the application.
 */
const checks = new Map<string, ResponseCheck>();

/** Checks every response against the application's own OpenAPI document. */
function checkResponses(app: NestFastifyApplication, checkOf: () => ResponseCheck): void {
  let check: ResponseCheck | undefined;
  const instance = app.getHttpAdapter().getInstance();
  instance.addHook('onSend', (request, reply, payload, done) => {
    check ??= checkOf();
    const { method, url: path } = request;
    const body = typeof payload === 'string' || Buffer.isBuffer(payload) ? String(payload) : '';
    const headers = reply.getHeaders();
    report(check.problemsOf({ method, path, status: reply.statusCode, headers, body }));
    done();
  });
}
