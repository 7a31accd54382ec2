import { createRequire } from 'node:module';
import type BetterSqlite3 from 'better-sqlite3';
import { StartError } from '../../errors/start-error.js';

interface SqliteDriver {
  /** The module `better-sqlite3`, in the version that is safe on this Node. */
  Sqlite: typeof BetterSqlite3;
  /** The path of the module, for `require` in other threads. */
  path: string;
}

/** The part of Node's `process` that decides which version is safe. */
interface Runtime {
  version: string;
  versions: NodeJS.Dict<string>;
}

interface Choice {
  /** The major version of better-sqlite3. */
  major: number;
  /** The name under which package.json installs it. */
  name: string;
  /** The package that depends on it; absent if that is the application itself. */
  dependent?: string;
}

/** The version of Node-API that better-sqlite3 13 needs; Node has it since 22.14. */
const NODE_API_OF_13 = 10;

/**
 * Chooses the version of better-sqlite3. No other code does. It avoids the two combinations that
 * end the process with a signal:
 *
 * - Version 12 aborts on Node 24.19 and later (nodejs/node#65446).
 * - Version 13 crashes if the version of Node-API is below 10.
 *
 * See docs/decisions/0013-sqlite-drivers.md.
 *
 * @throws StartError for a version of Node on which neither is safe
 */
export function chooseSqliteDriver({ version, versions }: Runtime): Choice {
  if (Number(versions.napi) >= NODE_API_OF_13) return { major: 13, name: 'better-sqlite3' };
  if (version.startsWith('v20.')) {
    return { major: 12, name: 'better-sqlite3-12', dependent: 'sqlite-driver-node20' };
  }
  throw new StartError(
    `SQLite cannot be used on Node ${version}, because its driver would crash. Install Node 24, or 22.14 or later, run \`npm ci\`, and start again.`,
  );
}

/** @throws StartError if the driver is not installed, cannot be loaded, or would crash */
export function loadSqliteDriver(
  runtime: Runtime = process,
  require: NodeJS.Require = createRequire(import.meta.url),
): SqliteDriver {
  const { major, name, dependent } = chooseSqliteDriver(runtime);
  try {
    const scoped = dependent ? requireOf(require, dependent) : require;
    const { version } = scoped(`${name}/package.json`) as { version: string };
    if (parseInt(version, 10) !== major) {
      throw new Error(`version ${version} is installed, and version ${major} is needed`);
    }
    const path = scoped.resolve(name);
    const Sqlite = scoped(name) as typeof BetterSqlite3;
    // The module loads its native addon when it opens its first connection.
    new Sqlite(':memory:').close();
    return { Sqlite, path };
  } catch (cause) {
    const [reason] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw new StartError(
      `The SQLite driver cannot be used on Node ${runtime.version}: ${reason}. Run \`npm ci\` with this Node, and start again.`,
      { cause },
    );
  }
}

/** Returns the `require` of a package, whose dependencies may be installed below it. */
function requireOf(require: NodeJS.Require, packageName: string): NodeJS.Require {
  return createRequire(require.resolve(`${packageName}/package.json`));
}
