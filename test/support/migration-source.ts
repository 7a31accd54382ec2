import { writeFileSync } from 'node:fs';
import { AppConfig } from '../../src/config/app-config.js';
import { dataSourceOptions } from '../../src/database/data-source-options.js';
import { MigrationSource } from '../../src/database/migration-source.js';
import { entities } from '../../src/entities.js';
import type { TestDatabase } from './test-database.js';

/** A connection to the database with the migrations of the service. */
export async function openMigrationSource({ url }: TestDatabase): Promise<MigrationSource> {
  const settings = AppConfig.from({ DATABASE_URL: url }).database;
  // SQLite treats an empty file as a new database.
  if (settings.engine === 'sqlite') writeFileSync(settings.file, '', { flag: 'a' });
  const source = new MigrationSource(dataSourceOptions(settings, entities));
  await source.initialize();
  return source;
}
