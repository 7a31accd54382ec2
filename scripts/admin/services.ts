import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AppModule, type Imports } from '../../src/app.module.js';
import type { AppConfig } from '../../src/config/app-config.js';
import { openWithoutReplica } from '../../src/database/database.module.js';
import type { TokenKeys } from '../../src/keys/token-keys.js';

/** Returns the provider of a class. */
export type Services = <T>(type: Type<T> | (abstract new (...args: never[]) => T)) => T;

interface OpenServices {
  get: Services;
  close: () => Promise<void>;
}

/** Commands neither issue nor verify tokens. */
const NO_KEYS = {} as TokenKeys;

/**
 * Opens the database, and creates the services of the whole application, so that features take part,
 * such as in the removal of a user. The application is not initialized: it does not listen, runs no
 * periodic job, and adds no data.
 *
 * @param imports additional modules, such as those of a test
 * @throws StartError if the database cannot be used
 */
export async function openServices(
  config: AppConfig,
  imports: Imports = [],
): Promise<OpenServices> {
  const database = await openWithoutReplica(config.database);
  const module = AppModule.forRoot({ config, keys: NO_KEYS, database }, imports);
  const options = { logger: false, abortOnError: false } as const;
  const app = await NestFactory.create(module, new FastifyAdapter(), options);
  return { get: (type) => app.get(type, { strict: false }), close: () => app.close() };
}

/** Runs `work` with the services of the application; see `openServices`. */
export async function withServices<T>(
  config: AppConfig,
  work: (get: Services) => Promise<T>,
  imports?: Imports,
): Promise<T> {
  const { get, close } = await openServices(config, imports);
  try {
    return await work(get);
  } finally {
    await close();
  }
}
