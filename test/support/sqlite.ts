import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '../../src/database/database.js';
import { SqliteDatabase } from '../../src/database/sqlite/sqlite-database.js';

/** An empty SQLite database with every table, for unit specs of code that holds SQL. */
export async function openSqlite(): Promise<{ database: Database; drop: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'nest-rest-jwt-'));
  const file = join(folder, 'app.sqlite');
  const database = new SqliteDatabase({ engine: 'sqlite', file, create: true });
  await database.open();
  return {
    database,
    drop: async () => {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
