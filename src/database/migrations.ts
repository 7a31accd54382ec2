import { readdirSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join } from 'node:path';
import type { MigrationInterface } from 'typeorm';

type Migration = new () => MigrationInterface;

/** The name of a migration's file: a timestamp in milliseconds, and what the migration does. */
const FILE = /^(\d{13})-[\w-]+\.[jt]s$/;

/**
 * Loads the migrations of a folder in the order of their timestamps. Other files are ignored, such
 * as code that several migrations share.
 *
 * @throws Error if a file does not export exactly one migration, or if the name of the class does
 *   not end with the timestamp of the file
 */
export async function loadMigrations(folder: string): Promise<Migration[]> {
  const files = readdirSync(folder)
    .filter((file) => FILE.test(file))
    .sort();
  const migrations: Migration[] = [];
  for (const file of files) migrations.push(await loadMigration(join(folder, file)));
  return migrations;
}

async function loadMigration(file: string): Promise<Migration> {
  const module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  return migrationOf(file, module);
}

/** @throws Error as `loadMigrations` */
export function migrationOf(file: string, module: Record<string, unknown>): Migration {
  const [migration, ...others] = Object.values(module).filter(isMigration);
  if (!migration || others.length > 0) {
    throw new Error(`${file} must export one migration: a class with the methods up and down.`);
  }
  const [, timestamp] = FILE.exec(file.split(/[/\\]/).at(-1)!)!;
  if (!migration.name.endsWith(timestamp!)) {
    throw new Error(`The class ${migration.name} in ${file} must end with ${timestamp}.`);
  }
  return migration;
}

function isMigration(value: unknown): value is Migration {
  return (
    typeof value === 'function' &&
    typeof (value.prototype as Partial<MigrationInterface> | undefined)?.up === 'function'
  );
}

/**
 * The migrations of the service: the files of the folder `migrations/`. In tests that run the
 * bundle, `test/support/bundle.js` replaces this module.
 */
export const migrations = await loadMigrations(
  fileURLToPath(new URL('../../migrations/', import.meta.url)),
);
