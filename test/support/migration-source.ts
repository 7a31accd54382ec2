import { writeFileSync } from 'node:fs';
import { AppConfig } from '../../src/config/app-config.js';
import { dataSourceOptions } from '../../src/database/data-source-options.js';
import { migrations } from '../../src/database/migrations.js';
import { MigrationSource } from '../../src/database/migration-source.js';
import type { TestDatabase } from './test-database.js';

/**
 * Adds a migration of a test, which creates the table of an entity of the test. Specs share modules,
 * so applications of other specs run it, too.
 */
export function addMigration(migration: (typeof migrations)[number]): void {
  migrations.push(migration);
}

/** A connection to the database with the migrations of the service. */
export async function openMigrationSource({ url }: TestDatabase): Promise<MigrationSource> {
  const settings = AppConfig.from({ DATABASE_URL: url }).database;
  // SQLite treats an empty file as a new database.
  if (settings.engine === 'sqlite') writeFileSync(settings.file, '', { flag: 'a' });
  const source = new MigrationSource(dataSourceOptions(settings));
  await source.initialize();
  return source;
}
