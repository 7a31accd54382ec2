import { createSqliteFile } from '../../src/database/sqlite/sqlite-creation.js';
import { StartError } from '../../src/errors/start-error.js';
import { backUp, restore } from '../backup/backup.js';
import type { AdminCommand, Call } from './admin-command.js';
import { describeSize, type Output } from './output.js';

export function addDatabaseCommands(program: AdminCommand): void {
  program
    .command('create-database')
    .description('creates the SQLite file that DATABASE_URL names, with empty tables')
    .runs(createDatabase);
  program
    .command('backup <file>')
    .description('writes a copy of the database; the service may be running')
    .runs(backUpDatabase);
  program
    .command('restore <file>')
    .description('replaces the database by a copy; stop the service before')
    .option('--end-sessions', 'make all users log in again')
    .runs(restoreDatabase);
}

async function createDatabase({ config: { database } }: Call): Promise<Output> {
  if (database.engine !== 'sqlite') {
    throw new StartError(
      'DATABASE_URL names a PostgreSQL server. Create the database there (createdb). The service creates its tables when it starts.',
    );
  }
  const { file } = database;
  if (await createSqliteFile(file)) return { text: `Created ${file}.`, json: { file } };
  throw new StartError(`The file ${file} already exists; nothing was changed.`);
}

async function backUpDatabase({ config, words: [file] }: Call): Promise<Output> {
  const copy = backUp(config.database, file as string);
  return {
    text: `Wrote ${copy.file} (${describeSize(copy.bytes)}), and checked it.`,
    json: copy,
  };
}

async function restoreDatabase({ config, words: [file], options }: Call): Promise<Output> {
  const endSessions = options.endSessions === true;
  const { file: copy, replaced } = await restore(config.database, file as string, { endSessions });
  const sentences = [
    `Restored ${copy}.`,
    ...(replaced === null ? [] : [`The database that it replaced is now ${replaced}.`]),
    endSessions
      ? 'All sessions have ended.'
      : 'Sessions that were active in the copy are active again, also those that have ended since. --end-sessions ends them all.',
  ];
  return {
    text: sentences.join('\n'),
    json: { file: copy, replaced, sessions_ended: endSessions },
  };
}
