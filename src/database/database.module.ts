import { type DynamicModule, Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { StartError } from '../errors/start-error.js';
import type { DatabaseSettings } from '../config/app-config.js';
import { Database } from './database.js';
import { PostgresDatabase } from './postgres/postgres-database.js';
import { SqliteDatabase } from './sqlite/sqlite-database.js';
import { WriteBatchesService } from './write-batches.service.js';

/** Provides the database to every module, and closes it at the end of the shutdown. */
@Global()
@Module({})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(private readonly database: Database) {}

  static forRoot(database: Database): DynamicModule {
    return {
      module: DatabaseModule,
      providers: [{ provide: Database, useValue: database }, WriteBatchesService],
      exports: [Database, WriteBatchesService],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.database.close();
  }
}

/**
 * Opens the database, with the tables of all entities that have been imported.
 *
 * @throws StartError if the database cannot be used, or if no migration creates a table, a column or an
 *   index of an entity
 */
export async function openDatabase(settings: DatabaseSettings): Promise<Database> {
  const database =
    settings.engine === 'sqlite' ? new SqliteDatabase(settings) : new PostgresDatabase(settings);
  await database.open();
  try {
    refuseMissingSchema(await database.missingSchema());
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

/** Opens the database without its replica, for a command, which needs no second server. */
export function openWithoutReplica(settings: DatabaseSettings): Promise<Database> {
  return openDatabase(
    settings.engine === 'postgres' ? { ...settings, replicaUrl: null } : settings,
  );
}

function refuseMissingSchema(missing: readonly string[]): void {
  if (missing.length === 0) return;
  throw new StartError(
    `The database has no ${missing.join(', ')}. Add a migration that creates what is missing: npm run generate -- migration <name>.`,
  );
}
