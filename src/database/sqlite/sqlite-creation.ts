import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makePrivateFolder } from '../../config/private-file.js';
import { StartError } from '../../errors/start-error.js';
import { sqliteOptions } from '../data-source-options.js';
import { codeOf } from '../driver-error.js';
import { MigrationSource } from '../migration-source.js';
import { connectionOf } from './sqlite-connection.js';

/** Milliseconds. An older draft was interrupted: a draft is written in a few milliseconds. */
const DRAFT_MAX_AGE = 10_000;
/** Error codes of file systems without hard links, such as exFAT. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/**
 * Creates a database file with every table, and its folder if that is missing. Only the owner may
 * read and write them. The file gets its name when it is complete, so an interrupted start leaves
 * no incomplete file.
 *
 * @returns false if the file exists, for example because another process has just created it
 * @throws StartError if there is a log of an earlier database, which SQLite would apply to the new
 *   one
 */
export async function createSqliteFile(file: string): Promise<boolean> {
  if (existsSync(file)) return false;
  for (const log of [`${file}-wal`, `${file}-journal`]) refuseLog(file, log);
  makePrivateFolder(dirname(file));
  removeOldDrafts(file);
  const content = await migratedDatabase();
  const draft = `${file}.new-${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(draft, content, { flag: 'wx', mode: 0o600, flush: true });
    if (!publish(draft, file)) return false;
  } finally {
    rmSync(draft, { force: true });
  }
  sync(dirname(file));
  return true;
}

/** Returns the content of a database file with every table and no rows. */
async function migratedDatabase(): Promise<Buffer> {
  const source = new MigrationSource(sqliteOptions(':memory:'));
  await source.initialize();
  try {
    await source.runMigrations();
    return connectionOf(source).serialize();
  } finally {
    await source.destroy();
  }
}

function refuseLog(file: string, log: string): void {
  if (!statSync(log, { throwIfNoEntry: false })?.size) return;
  throw new StartError(
    `The database file ${file} does not exist, but ${log} does, which contains changes to it. Restore the file; or, to start with a new database, delete ${log}.`,
  );
}

function removeOldDrafts(file: string): void {
  const folder = dirname(file);
  const beginning = `${basename(file)}.new-`;
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(beginning) || !/^[\da-f]{12}$/.test(name.slice(beginning.length)))
      continue;
    const draft = join(folder, name);
    const { mtimeMs = Infinity } = statSync(draft, { throwIfNoEntry: false }) ?? {};
    if (mtimeMs < Date.now() - DRAFT_MAX_AGE) rmSync(draft, { force: true });
  }
}

/**
 * Gives the draft its final name, unless a file has that name. A hard link never replaces a file,
 * as a rename would.
 *
 * @param link creates a hard link; throws on file systems without them
 * @returns false if a file has the name
 */
export function publish(draft: string, file: string, link = linkSync): boolean {
  try {
    link(draft, file);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    if (!NO_LINKS.includes(codeOf(error))) throw error;
    if (existsSync(file)) return false;
    renameSync(draft, file);
  }
  return true;
}

/** Makes a file, or the names in a folder, survive a power failure. Windows has no such call. */
export function sync(path: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
