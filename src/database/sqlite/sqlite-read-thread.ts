import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { unavailable } from '../../errors/api-error.js';
import { withOutageAs503 } from '../outage.js';
import { type BoundedRows, expensiveReadQueue, type ReadCaller, type Value } from '../select.js';
import { loadSqliteDriver } from './sqlite-driver.js';

/** A message to the worker. */
export interface ReadRequest {
  sql: string;
  values: Value[];
  /** Bytes that the response holds already, or null if its size has no limit; see `takeBounded`. */
  bytes: number | null;
}

interface Running {
  worker: Worker;
  /** Aborts when the thread ends. Its reason is the error that a waiting read gets. */
  ended: AbortSignal;
}

const WORKER = new URL('./sqlite-read-thread.worker.js', import.meta.url);

type ReadResult = BoundedRows<unknown[]> | Failure;

interface Failure {
  message: string;
  /** SQLite's error code, such as `SQLITE_IOERR`. */
  code: string | undefined;
}

/**
 * Reads a SQLite file in a worker thread, which the first read starts. better-sqlite3 blocks its thread
 * until it has found all rows, so expensive reads must not run on the thread that serves requests.
 */
export class SqliteReadThread {
  private readonly runQueued = expensiveReadQueue(1);
  private running: Running | undefined;

  constructor(private readonly file: string) {}

  /** @throws ApiError 429 or 503 if too many reads are queued; see `FairQueue` */
  async all(sql: string, values: Value[], caller?: ReadCaller): Promise<unknown[][]> {
    const { rows } = await this.runQueued(caller, () => this.ask({ sql, values, bytes: null }));
    return rows;
  }

  /** See `takeBounded`; throws as `all`. */
  bounded(
    sql: string,
    values: Value[],
    caller?: ReadCaller,
    bytes = 0,
  ): Promise<BoundedRows<unknown[]>> {
    return this.runQueued(caller, () => this.ask({ sql, values, bytes }));
  }

  async close(): Promise<void> {
    await this.running?.worker.terminate();
  }

  private async ask(request: ReadRequest): Promise<BoundedRows<unknown[]>> {
    const { worker, ended } = (this.running ??= this.start());
    worker.postMessage(request);
    const [result] = (await once(worker, 'message', { signal: ended }).catch(() => {
      ended.throwIfAborted();
    })) as [ReadResult];
    // A message port delivers all messages that have arrived in one turn of the event loop. Without
    // this, a thread that reads faster than responses are written would never let the turn end.
    await nextTurn();
    if ('rows' in result) return result;
    throw withOutageAs503(Object.assign(new Error(result.message), { code: result.code }));
  }

  private start(): Running {
    const workerData = { file: this.file, driver: loadSqliteDriver().path };
    const worker = new Worker(WORKER, { workerData });
    const ended = new AbortController();
    // A waiting read fails with the error, and the next read starts another thread.
    const forget = (error: unknown): void => {
      this.running = undefined;
      ended.abort(error);
    };
    worker
      .once('error', (error) => forget(withOutageAs503(error)))
      .once('exit', () => forget(unavailable('the read thread has ended')))
      .unref();
    return { worker, ended: ended.signal };
  }
}
