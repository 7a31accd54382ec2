import { spawnSync } from 'node:child_process';
import { devNull } from 'node:os';
import { StartError } from '../../src/errors/start-error.js';

/**
 * Copies the database with `pg_dump`, in its own compressed format.
 *
 * @param copy an empty file, whose mode the tool keeps
 * @throws StartError if a tool is missing or fails
 */
export function backUpPostgres(url: string, copy: string): void {
  run(url, 'pg_dump', ['--format=custom', '--no-owner', '--no-privileges', `--file=${copy}`]);
  checkDump(url, copy);
}

/**
 * Replaces the tables of the database by those of a copy, in one transaction.
 *
 * @throws StartError if a tool is missing or fails
 */
export function restorePostgres(copy: string, url: string): void {
  checkDump(url, copy);
  const options = ['--clean', '--if-exists', '--single-transaction', '--exit-on-error'];
  const { pathname } = new URL(url);
  const name = decodeURIComponent(pathname.slice(1));
  run(url, 'pg_restore', [...options, '--no-owner', '--no-privileges', `--dbname=${name}`, copy]);
}

/** @throws StartError if the file is not a complete copy of a database of this service */
function checkDump(url: string, copy: string): void {
  try {
    const list = run(url, 'pg_restore', ['--list', copy]);
    // Reads everything. The list comes from the beginning of the file.
    run(url, 'pg_restore', [`--file=${devNull}`, copy]);
    if (/ TABLE DATA \S+ users /.test(list)) return;
  } catch (cause) {
    if (!(cause instanceof StartError)) throw cause;
    throw new StartError(`${copy} cannot be used: ${cause.message}`, { cause });
  }
  throw new StartError(`${copy} is not a backup of a database of this service.`);
}

/** Runs a tool with the URL in its environment, because others can read its arguments. */
function run(url: string, tool: string, words: string[]): string {
  const { error, status, stdout, stderr } = spawnSync(tool, words, {
    env: { ...process.env, ...environmentOf(url) },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    throw new StartError(`${tool} is not installed. On Debian: apt-get install postgresql-client`);
  }
  if (error) throw error;
  if (status !== 0) throw new StartError(`${tool} failed: ${stderr.trim()}`);
  return stdout;
}

/** The variables of libpq for a URL of this service. */
function environmentOf(url: string): Record<string, string> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const variables = {
    PGHOST: decodeURIComponent(hostname),
    PGPORT: port,
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: decodeURIComponent(pathname.slice(1)),
    PGSSLMODE: searchParams.get('sslmode') ?? '',
  };
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
}
