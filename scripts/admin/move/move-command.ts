import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  type AppConfig,
  databaseSettingsOf,
  type DatabaseSettings,
} from '../../../src/config/app-config.js';
import { describeDatabase } from '../../../src/start-lines.js';
import type { AdminCommand, Call } from '../admin-command.js';
import { columns, type Output } from '../output.js';
import { showProgress } from '../progress.js';
import { move } from './move.js';

export function addMoveCommand(program: AdminCommand): void {
  program
    .command('move <url>')
    .description('copies the database of DATABASE_URL to an empty one of the other engine')
    .addHelpText(
      'after',
      `
The URL is sqlite:path/to/file or postgres://user@host:5432/name. A password can be in the
environment (PGPASSWORD) or in ~/.pgpass. Stop all instances of the service before. If the command is
interrupted, run it again: it continues.`,
    )
    .runs(moveDatabase);
}

async function moveDatabase(call: Call): Promise<Output> {
  const { config, words, isJson } = call;
  const to = databaseSettingsOf(words[0] as string, { create: true, prepare: false });
  if (to === null) {
    return call.refuse('the URL is invalid: use sqlite:path/to/file or postgres://user@host/name');
  }
  if (to.engine === 'postgres' && hasPassword(new URL(to.url))) {
    return call.refuse(
      'others can read the arguments of a command: put the password into PGPASSWORD or ~/.pgpass',
    );
  }
  const tables = await move(config.database, to, showProgress(isJson));
  const rows = tables.map((table) => [table.name, String(table.rows), table.sha256.slice(0, 16)]);
  const count = tables.reduce((sum, table) => sum + table.rows, 0);
  const [source, target] = [describeDatabase(config.database), describeDatabase(to)];
  const notes = keyNotes(config, to);
  return {
    text: [
      ...columns([['table', 'rows', 'SHA-256'], ...rows]),
      `Moved ${count} rows from ${source} to ${target}. Both have the same content.`,
      'Set DATABASE_URL to the new URL, and start the service. The source was not changed.',
      ...notes,
    ].join('\n'),
    json: { source, target, tables, notes },
  };
}

/** Files with keys are beside a SQLite file by default, so that another database needs a setting. */
function keyNotes({ jwt, database }: AppConfig, to: DatabaseSettings): string[] {
  const [before, after] = [keyFolder(database), keyFolder(to)];
  if (before === after) return [];
  const notes: string[] = [];
  const { keyStore, key } = jwt;
  const keysFile = join(before, 'jwt-keys.json');
  if ('file' in keyStore && keyStore.file === keysFile && existsSync(keysFile)) {
    notes.push(`Tokens stay valid only with the same keys: set JWT_KEYS_FILE=${keysFile}`);
  }
  if (key && 'secretFile' in key && existsSync(key.secretFile)) {
    const copy = join(after, 'jwt-secret');
    notes.push(`Tokens stay valid only with the same secret: copy ${key.secretFile} to ${copy}`);
  }
  return notes;
}

/** The default folder of keys; see `AppConfig`. */
function keyFolder(database: DatabaseSettings): string {
  return database.engine === 'sqlite' ? dirname(database.file) : resolve('data');
}

/** PostgreSQL also takes the password from the query. */
function hasPassword({ password, searchParams }: URL): boolean {
  return password !== '' || searchParams.has('password');
}
