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
import { type Entities, sqliteOptions } from '../data-source-options.js';
import { codeOf } from '../driver-error.js';
import { MigrationSource } from '../migration-source.js';
import { connectionOf } from './sqlite-connection.js';

/** A draft is written in milliseconds. One that is older, in milliseconds, was interrupted. */
const DRAFT_MAX_AGE = 10_000;
/** Of file systems without hard links, such as exFAT. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/**
 * Makes a database file with every table, for its owner alone, and its folder if that is missing. The
 * file appears at its place when it is complete, so that an interrupted start leaves no part of one.
 *
 * @returns false if the file exists, such as by another process that starts at the same time
 * @throws StartError if a log of an earlier database is there, which SQLite would apply to the new one
 */
export async function createSqliteFile(file: string, entities: Entities): Promise<boolean> {
  if (existsSync(file)) return false;
  for (const log of [`${file}-wal`, `${file}-journal`]) refuseLog(file, log);
  makePrivateFolder(dirname(file));
  removeOldDrafts(file);
  const content = await migratedDatabase(entities);
  const draft = `${file}.new-${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(draft, content, { flag: 'wx', mode: 0o600, flush: true });
    if (!publish(draft, file)) return false;
  } finally {
    rmSync(draft, { force: true });
  }
  syncFolder(dirname(file));
  return true;
}

/** The content of a file that holds every table and no row. */
async function migratedDatabase(entities: Entities): Promise<Buffer> {
  const source = new MigrationSource(sqliteOptions(':memory:', entities));
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
    `The database file ${file} does not exist, but ${log} does, which holds changes to it. Restore the file; or, to begin with a new database, delete ${log}.`,
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
 * Gives the draft its name, unless a file has it: a link replaces none, as a rename would.
 *
 * @param link fails on file systems without hard links
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

/** So that the name of the file survives a power cut, as its content does. Windows has no such call. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
