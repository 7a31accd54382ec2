import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runChild, startChild } from './children.js';

const script = join(process.cwd(), '.cache', 'bundle', 'scripts', 'admin.js');

interface Options {
  env?: Record<string, string>;
  input?: string | Buffer;
  cwd?: string;
}

/** Runs `npm run admin -- <words>` on a database, without a setting for tokens. */
export async function runAdmin(
  database: { url: string },
  words: readonly string[],
  { env = {}, ...options }: Options = {},
) {
  const result = await runChild(process.execPath, [script, ...words], {
    ...options,
    env: { PATH: process.env.PATH, DATABASE_URL: database.url, ...env },
  });
  if (/\n {4}at /.test(result.output)) throw new Error(`A stack was printed: ${result.output}`);
  return result;
}

/** Starts the command, which may be killed. */
export function startAdmin(database: { url: string }, words: readonly string[]) {
  return startChild(process.execPath, [script, ...words], {
    env: { PATH: process.env.PATH, DATABASE_URL: database.url },
  });
}

/** Runs a command with `--json`. Returns the document, which must be all of standard output. */
export async function adminJson<T>(
  database: { url: string },
  words: readonly string[],
  options?: Options,
): Promise<T> {
  const { status, stdout, stderr } = await runAdmin(database, [...words, '--json'], options);
  if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

const python = process.env.PYTHON_PATH ?? '/usr/bin/python3';

/** Why no command can run on a terminal here; undefined if it can. */
export const noTerminal = existsSync(python) ? undefined : `${python} is not installed`;

/** Runs the command on a terminal, which gets these lines when the command asks. */
export function runAdminOnTerminal(
  database: { url: string },
  words: readonly string[],
  lines: readonly string[],
  env: Record<string, string> = {},
) {
  const command = [process.execPath, script, ...words];
  return runChild(
    python,
    ['test/support/terminal.py', String(lines.length), ...lines, ...command],
    {
      env: { PATH: process.env.PATH, DATABASE_URL: database.url, ...env },
    },
  );
}
