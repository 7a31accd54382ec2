// @ts-check
/**
 * The worker thread of `SqliteReadThread`: runs read-only queries on a connection of its own. It is
 * JavaScript, so that Node runs the same file in a build, under Jest and in a debugger.
 */
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { takeBounded } from '../bounded-rows.js';

/** @typedef {import('./sqlite-read-thread.js').ReadRequest} ReadRequest */

const { file, driver } = /** @type {{ file: string, driver: string }} */ (workerData);
const Sqlite = /** @type {typeof import('better-sqlite3')} */ (
  createRequire(import.meta.url)(driver)
);
const connection = new Sqlite(file, { readonly: true, fileMustExist: true });

parentPort?.on('message', (/** @type {ReadRequest} */ request) => {
  try {
    parentPort?.postMessage(read(request));
  } catch (error) {
    const { message, code } = /** @type {{ message: string, code?: string }} */ (error);
    parentPort?.postMessage({ message, code });
  }
});

/** @param {ReadRequest} request */
function read({ sql, values, bytes }) {
  /** @type {import('better-sqlite3').Statement<unknown[], unknown[]>} */
  const statement = connection.prepare(sql);
  statement.raw();
  if (bytes !== null) return takeBounded(statement.iterate(values), bytes);
  return { rows: statement.all(values), truncated: false, maxBytes: 0 };
}
