import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import type { PostgresSettings } from '../../config/app-config.js';
import { messageOf } from '../../errors/error-message.js';
import { postgresOptions } from '../data-source-options.js';
import { ConnectionGroup, PostgresClient, type TimedQuery, timeouts } from './postgres-client.js';

/** Milliseconds by which the replica may be behind the primary. */
const MAX_BEHIND = 5_000;
/** Milliseconds between two checks. */
const CHECK_INTERVAL = 1_000;

type Rows = unknown[][];

type Read = (query: TimedQuery) => Promise<Rows>;

/** A position in the log that the primary had reached. */
interface Position {
  /** `pg_lsn` as text. */
  lsn: string;
  /** When the primary was asked; see `performance.now`. */
  at: number;
}

/**
 * Reads from a standby (streaming replication), as long as it is at most 5 s behind. It counts as up
 * to date until the time at which the primary had written what it has replayed by now. Clocks do not
 * matter.
 */
export class PostgresReplica {
  private readonly logger = new Logger('Replica');
  private readonly pool: pg.Pool;
  private readonly stopped = new AbortController();
  /** The replica has everything that was written before; see `performance.now`. */
  private upToDateAt = -Infinity;
  /** A position that the replica had not reached at the last check. */
  private awaited: Position | undefined;
  /** Why the replica is not used; null if it is. */
  private problem: string | null = null;

  private constructor(
    settings: PostgresSettings,
    private readonly readPrimary: Read,
  ) {
    const { url, poolSize, connectTimeoutMS, applicationName } = postgresOptions(settings);
    const config = {
      ...{ connectionString: url, max: poolSize, application_name: applicationName },
      connectionTimeoutMillis: connectTimeoutMS,
      ...{ Client: PostgresClient, group: new ConnectionGroup(settings.prepare) },
    };
    // The pool passes its options on to its clients.
    this.pool = new pg.Pool(config as unknown as pg.PoolConfig);
    this.pool.on('error', () => undefined);
  }

  /** @returns null without `DATABASE_REPLICA_URL` */
  static of(settings: PostgresSettings, readPrimary: Read): PostgresReplica | null {
    const { replicaUrl: url } = settings;
    return url ? new PostgresReplica({ ...settings, url }, readPrimary) : null;
  }

  /** Whether reads may use the replica. */
  get isUsable(): boolean {
    return performance.now() - this.upToDateAt < MAX_BEHIND;
  }

  /** Makes the first check, and checks from then on. A replica that cannot be used is no error. */
  async start(): Promise<void> {
    await this.check();
    void this.watch();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.pool.end();
  }

  /** @throws Error if the replica fails; the primary can then answer */
  async read(query: TimedQuery): Promise<Rows> {
    try {
      return await this.query(query);
    } catch (error) {
      // Other reads shall not fail in the same way. The next check decides.
      this.upToDateAt = -Infinity;
      this.report(messageOf(error));
      throw error;
    }
  }

  private async watch(): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted) {
      await sleep(CHECK_INTERVAL, undefined, { signal, ref: false }).catch(() => undefined);
      if (!signal.aborted) await this.check();
    }
  }

  private async check(): Promise<void> {
    try {
      const position = (this.awaited ??= await this.positionOfPrimary());
      if (await this.hasReached(position)) {
        this.upToDateAt = position.at;
        this.awaited = undefined;
      }
      if (this.isUsable) this.report(null);
      // A replica that may reach the position in time is no problem, such as at the start.
      else if (performance.now() - position.at > MAX_BEHIND) {
        throw new Error(`it is more than ${MAX_BEHIND / 1000} s behind`);
      }
    } catch (error) {
      this.report(messageOf(error));
    }
  }

  private async positionOfPrimary(): Promise<Position> {
    const at = performance.now();
    // Everything that was acknowledged is flushed.
    const text = 'SELECT pg_current_wal_flush_lsn()::text';
    const [row] = await this.readPrimary({ text, timeout: timeouts.check });
    return { lsn: String(row?.[0]), at };
  }

  /** @throws Error if the server is no standby: it does not receive what the primary writes */
  private async hasReached({ lsn }: Position): Promise<boolean> {
    const text = 'SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() >= $1::pg_lsn';
    const [row] = await this.query({ text, values: [lsn], timeout: timeouts.check });
    if (row?.[0] !== true) throw new Error('the server is not a standby');
    return row[1] === true;
  }

  private async query(query: TimedQuery): Promise<Rows> {
    return (await this.pool.query<unknown[]>({ ...query, rowMode: 'array' } as never)).rows;
  }

  /** Logs when the replica stops being used, and when it is used again. */
  private report(problem: string | null): void {
    const before = this.problem;
    this.problem = problem;
    if (problem !== null && before === null) {
      this.logger.warn(`The replica is not used, and the primary answers its reads: ${problem}`);
    } else if (problem === null && before !== null) {
      this.logger.log('The replica is used again');
    }
  }
}
