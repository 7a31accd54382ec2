import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type BetterSqlite3 from 'better-sqlite3';
import { unavailable } from '../../errors/api-error.js';
import { type WorkerChannel, workerChannel } from '../../workers/worker-channel.js';
import { isLocked } from '../driver-error.js';

/** The maximum number of queued writes; a further one is refused with 503. */
const MAX_QUEUED = 1000;
/** The maximum number of writes in one transaction, so that none waits for too many others. */
const MAX_BATCH = 64;
/**
 * Milliseconds after which a shared transaction takes no further write. Writes run on the main
 * thread, so 64 writes that each remove hundreds of rows would delay every request for too long.
 */
const MAX_DURATION = 10;
/** Timeout of a write that waits for other workers or for the lock of another process, in milliseconds. */
const LOCK_TIMEOUT = 5_000;

interface Write {
  /** When the write times out; see `performance.now`. */
  deadline: number;
  run: () => Promise<unknown>;
  resolve: (value: never) => void;
  reject: (reason: unknown) => void;
}

/**
 * Runs writes on one connection, in the order in which they arrive. Queued writes share a
 * transaction, and with it the `fsync` of its commit. Each has its own savepoint, so that a failed
 * write rolls back only itself. A write is acknowledged after the commit.
 *
 * If the service has several workers, they take turns, and each turn is one transaction. Without
 * turns they would all poll for the lock of the file.
 */
export class SqliteWriter {
  private readonly queue: Write[] = [];
  private readonly inWrite = new AsyncLocalStorage<{ open: boolean }>();
  private draining = false;

  /**
   * @param requireFiles throws if the files of the database are gone or replaced, so that no write to
   *   them is acknowledged
   * @param channel to the primary, which gives the turns; null if there is only one process
   */
  constructor(
    private readonly connection: () => BetterSqlite3.Database,
    private readonly requireFiles: () => void,
    private readonly channel: Pick<WorkerChannel, 'takeTurn'> | null = workerChannel,
  ) {}

  /** The number of writes that wait for their turn. */
  get queued(): number {
    return this.queue.length;
  }

  /** Whether the calling code is part of a write. */
  get active(): boolean {
    return this.inWrite.getStore()?.open === true;
  }

  /**
   * @throws ApiError 503 if the queue is full, or other workers write for too long
   * @throws SQLite's own error if the transaction fails, or another process keeps the lock
   */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.active) return work();
    if (this.queue.length >= MAX_QUEUED)
      return Promise.reject(unavailable('the write queue is full'));
    return new Promise<T>((resolve, reject) => {
      const deadline = performance.now() + LOCK_TIMEOUT;
      this.queue.push({ deadline, run: work, resolve, reject });
      if (!this.draining) void this.drain();
    });
  }

  /**
   * Runs `work` in a turn of its own, between two transactions.
   *
   * @param fallback the result if a transaction is open
   */
  async outsideTransactions<T>(
    work: (connection: BetterSqlite3.Database) => T,
    fallback: T,
  ): Promise<T> {
    const endTurn = await this.channel?.takeTurn(performance.now() + LOCK_TIMEOUT);
    try {
      const connection = this.connection();
      return connection.inTransaction ? fallback : work(connection);
    } finally {
      endTurn?.();
    }
  }

  private async drain(): Promise<void> {
    this.draining = true;
    while (this.queue.length > 0) {
      // Writes of requests that arrived in the same turn of the event loop join the batch.
      await nextTurn();
      await this.commitBatch();
    }
    // While it is enabled, Node 20 tracks every promise, which is a quarter of the cost of a read.
    this.inWrite.disable();
    this.draining = false;
  }

  private async commitBatch(): Promise<void> {
    const writes: Write[] = [];
    const outcomes: (() => void)[] = [];
    let endTurn: (() => void) | undefined;
    try {
      const { deadline } = this.queue[0]!;
      endTurn = await this.channel?.takeTurn(deadline);
      const runAll = async (): Promise<void> => {
        const end = performance.now() + MAX_DURATION;
        do {
          const write = this.queue.shift()!;
          writes.push(write);
          outcomes.push(await this.runInSavepoint(write));
        } while (this.queue.length > 0 && writes.length < MAX_BATCH && performance.now() < end);
        this.requireFiles();
      };
      await immediateTransaction(this.connection(), runAll, deadline);
      this.requireFiles();
    } catch (error) {
      // All were rolled back. If the transaction did not begin, they are all still in the queue.
      const undone = writes.length > 0 ? writes : this.queue.splice(0, MAX_BATCH);
      for (const { reject } of undone) reject(error);
      return;
    } finally {
      endTurn?.();
    }
    for (const settle of outcomes) settle();
  }

  /**
   * Runs a write within a savepoint.
   *
   * @returns a function that settles the write; it is called after the commit
   * @throws SQLite's own error if it rolled back the whole transaction, as it does on a full disk
   */
  private async runInSavepoint({ run, resolve, reject }: Write): Promise<() => void> {
    const connection = this.connection();
    // Code that a write leaves running after its end is no longer part of it.
    const scope = { open: true };
    connection.exec('SAVEPOINT write');
    try {
      const value = await this.inWrite.run(scope, run);
      connection.exec('RELEASE write');
      return () => resolve(value as never);
    } catch (error) {
      if (!connection.inTransaction) throw error;
      connection.exec('ROLLBACK TO write; RELEASE write');
      return () => reject(error);
    } finally {
      scope.open = false;
    }
  }
}

/**
 * Runs `work` in a transaction. IMMEDIATE takes the write lock at the beginning, and not at the
 * first write, which could then fail.
 *
 * @param deadline until when another process may hold the lock; see `performance.now`
 * @throws SQLite's own error if another process holds the lock for longer
 */
export async function immediateTransaction<T>(
  connection: BetterSqlite3.Database,
  work: () => Promise<T>,
  deadline = 0,
): Promise<T> {
  await untilUnlocked(() => connection.exec('BEGIN IMMEDIATE'), deadline);
  try {
    const result = await work();
    connection.exec('COMMIT');
    return result;
  } catch (error) {
    if (connection.inTransaction) connection.exec('ROLLBACK');
    throw error;
  }
}

/**
 * Repeats an attempt while another process holds a lock. better-sqlite3 blocks the event loop while
 * it waits for a lock, so its own timeout is short, and this function waits for the rest of the
 * time.
 *
 * @param deadline see `performance.now`
 * @throws SQLite's own error after the deadline
 */
export async function untilUnlocked<T>(
  attempt: () => T | Promise<T>,
  deadline: number,
): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isLocked(error) || performance.now() > deadline) throw error;
    }
    await sleep(20);
  }
}
