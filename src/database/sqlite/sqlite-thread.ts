import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type BetterSqlite3 from 'better-sqlite3';
import { unavailable } from '../../errors/api-error.js';
import { withOutageAs503 } from '../outage.js';
import {
  expensiveReadQueue,
  type Light,
  type ReadCaller,
  takeLight,
  type Value,
} from '../select.js';
import { loadSqliteDriver } from './sqlite-driver.js';

interface Question {
  sql: string;
  values: Value[];
  /** Bytes that the answer holds already, or null if its size has no limit; see `takeLight`. */
  bytes: number | null;
}

interface Running {
  worker: Worker;
  /** Aborted when the thread ends; the reason is the error of a read that waits for it. */
  gone: AbortSignal;
}

type Answer = Light<unknown[]> | Failure;

interface Failure {
  message: string;
  /** SQLite's own, such as `SQLITE_IOERR`. */
  code: string | undefined;
}

/**
 * A thread that reads a SQLite file on a connection of its own. better-sqlite3 holds up the thread
 * that it is called on until it has found all rows, which here is not the one that answers
 * requests. Started when it is first asked.
 */
export class SqliteThread {
  private readonly inTurn = expensiveReadQueue(1);
  private running: Running | undefined;

  constructor(private readonly file: string) {}

  /** @throws ApiError 429 or 503 if too many reads are queued; see `FairQueue` */
  async all(sql: string, values: Value[], caller?: ReadCaller): Promise<unknown[][]> {
    const { rows } = await this.inTurn(caller, () => this.ask({ sql, values, bytes: null }));
    return rows;
  }

  /** See `takeLight`; throws as `all`. */
  light(sql: string, values: Value[], caller?: ReadCaller, bytes = 0): Promise<Light<unknown[]>> {
    return this.inTurn(caller, () => this.ask({ sql, values, bytes }));
  }

  async close(): Promise<void> {
    await this.running?.worker.terminate();
  }

  private async ask(question: Question): Promise<Light<unknown[]>> {
    const { worker, gone } = (this.running ??= this.start());
    worker.postMessage(question);
    const [answer] = (await once(worker, 'message', { signal: gone }).catch(() => {
      gone.throwIfAborted();
    })) as [Answer];
    // A message port hands over all that has arrived in one turn of the event loop. Without this, a
    // thread that reads faster than answers are written would keep that turn going.
    await nextTurn();
    if ('rows' in answer) return answer;
    throw withOutageAs503(Object.assign(new Error(answer.message), { code: answer.code }));
  }

  private start(): Running {
    // Its source, and no file: TypeScript's is none that Node could run before the build.
    const source = `(${answerQuestions.toString()})(require, ${takeLight.toString()})`;
    const workerData = { file: this.file, driver: loadSqliteDriver().path };
    const worker = new Worker(source, { eval: true, workerData });
    const gone = new AbortController();
    // A read that waits for it fails with the error, and the next read starts another thread.
    const forget = (error: unknown): void => {
      this.running = undefined;
      gone.abort(error);
    };
    worker
      .once('error', (error) => forget(withOutageAs503(error)))
      .once('exit', () => forget(unavailable('the thread that reads has ended')))
      .unref();
    return { worker, gone: gone.signal };
  }
}

/** What runs in the thread: nothing from outside of this function is there. */
function answerQuestions(load: NodeJS.Require, light: typeof takeLight): void {
  const threads = load('node:worker_threads') as typeof import('node:worker_threads');
  const { file, driver } = threads.workerData as { file: string; driver: string };
  const Sqlite = load(driver) as typeof BetterSqlite3;
  const connection = new Sqlite(file, { readonly: true, fileMustExist: true });
  threads.parentPort!.on('message', (question: Question) => {
    try {
      const statement = connection.prepare<unknown[], unknown[]>(question.sql).raw();
      const { values, bytes } = question;
      const answer =
        bytes === null
          ? { rows: statement.all(values), isCut: false, most: 0 }
          : light(statement.iterate(values), bytes);
      threads.parentPort!.postMessage(answer);
    } catch (error) {
      const { message, code } = error as Failure;
      threads.parentPort!.postMessage({ message, code } satisfies Failure);
    }
  });
}
