import { type DynamicModule, Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { DatabaseSettings } from '../config/app-config.js';
import type { Entities } from './data-source-options.js';
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

/** @throws StartError if the database cannot be used */
export async function openDatabase(
  settings: DatabaseSettings,
  entities: Entities,
): Promise<Database> {
  const database =
    settings.engine === 'sqlite'
      ? new SqliteDatabase(settings, entities)
      : new PostgresDatabase(settings, entities);
  await database.open();
  return database;
}
