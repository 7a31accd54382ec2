import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { type Aggregator, Counter, Gauge } from 'prom-client';
import { packageInfo } from '../config/package-info.js';
import { Database } from '../database/database.js';
import { AuthAttemptsService } from '../limits/auth-attempts.service.js';
import { WriteQueueGuard } from '../limits/write-queue.guard.js';
import { type EventTotals, SecurityEventsService } from '../logging/security-events.service.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { MetricsService } from './metrics.service.js';
import { MAX_COUNTED_ROWS, RowCountsService } from './row-counts.service.js';

type Values = Record<string, number>;

/** Results of logins and refreshes that are 0 before they happen; others are codes of errors. */
const NO_LOGINS: Values = { succeeded: 0, credentials_invalid: 0, too_many_requests: 0 };
const NO_REFRESHES: Values = { rotated: 0, repeated: 0, reused: 0, access_only: 0 };

/**
 * The queues, the database and the counters of the service. They are read when the metrics are
 * collected, so that they cost a request nothing.
 */
@Injectable()
export class ServiceMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: MetricsService,
    private readonly database: Database,
    private readonly events: SecurityEventsService,
    private readonly rows: RowCountsService,
    private readonly modules: ModuleRef,
  ) {}

  onModuleInit(): void {
    const version = { [packageInfo.version]: 1 };
    const help = 'The version of the service. The value is always 1.';
    this.addLabelled('service_info', help, 'version', () => version, 'max');
    this.addQueues();
    this.addDatabase();
    this.addRedis();
    this.addRows();
    this.addLogins();
    this.addEvents();
  }

  private addQueues(): void {
    const hashes = this.modules.get(PasswordHasher, { strict: false });
    const requests = this.modules.get(WriteQueueGuard, { strict: false });
    const read = ({ load: { running, queued } }: typeof hashes | typeof requests) => ({
      running,
      queued,
    });
    this.addLabelled('password_hash_queue', 'Password hashes.', 'state', () => read(hashes));
    this.addLabelled('write_request_queue', 'Requests with a token that may write.', 'state', () =>
      read(requests),
    );
  }

  private addDatabase(): void {
    const load = this.database.load();
    if (load.engine === 'postgres') {
      const pool = () => this.database.load() as typeof load;
      const read = () => ({ in_use: pool().inUse, idle: pool().idle });
      this.addLabelled('postgres_pool_connections', 'Connections of the pool.', 'state', read);
      this.addNumber(
        'postgres_pool_waiting',
        'Queries that wait for a connection.',
        () => pool().waiting,
      );
      if (load.replica !== null) {
        const help = 'Whether reads may use the replica: it answers and is not too far behind.';
        this.addNumber('postgres_replica_up', help, () => Number(pool().replica), 'min');
      }
      return;
    }
    const sqlite = () => this.database.load() as typeof load;
    this.addNumber('sqlite_write_queue', 'Queued writes.', () => sqlite().queuedWrites);
    const [file, log] = ['The size of the file.', 'The size of the log (WAL).'];
    this.addNumber('sqlite_file_bytes', file, () => sqlite().fileSize, 'max');
    this.addNumber('sqlite_wal_bytes', log, () => sqlite().logSize, 'max');
  }

  private addRedis(): void {
    const attempts = this.modules.get(AuthAttemptsService, { strict: false });
    if (!attempts.usesRedis) return;
    const help = 'Whether the shared limits are counted in Redis.';
    this.addNumber('redis_up', help, () => Number(attempts.isShared), 'min');
  }

  private addRows(): void {
    const counted = `counted up to ${MAX_COUNTED_ROWS}`;
    const active = async () => ({ active: (await this.rows.read()).active });
    this.addLabelled('sessions', `Sessions, ${counted}.`, 'state', active, 'max');
    const expired = async () => (await this.rows.read()).expired;
    const help = `Rows that the next clean-up removes, ${counted}.`;
    this.addLabelled('expired_rows', help, 'table', expired, 'max');
  }

  private addLogins(): void {
    this.addTotals('login', NO_LOGINS, {
      name: 'logins_total',
      help: 'Logins by result: succeeded, or the code of the error.',
      label: 'result',
    });
    this.addTotals('refresh', NO_REFRESHES, {
      name: 'refreshes_total',
      help: 'Refreshes by result: reused is theft.',
      label: 'result',
    });
    this.addTotals(
      'error',
      {},
      {
        name: 'http_errors_total',
        help: 'Errors by code; see docs/errors.md.',
        label: 'code',
      },
    );
  }

  private addEvents(): void {
    const help = 'Attacks, refusals and outages by event and cause.';
    this.addCounter('security_events_total', help, ['event', 'cause'], (counter, totals) => {
      const { login: _login, refresh: _refresh, error: _error, ...events } = totals;
      for (const [event, causes] of Object.entries(events)) {
        for (const [cause, total] of Object.entries(causes)) counter.inc({ event, cause }, total);
      }
    });
  }

  /** @param aggregator how the values of several workers are combined */
  private addNumber(
    name: string,
    help: string,
    read: () => number,
    aggregator: Aggregator = 'sum',
  ): void {
    const registers = [this.metrics.registry];
    new Gauge({
      ...{ name, help, registers, aggregator },
      collect() {
        this.set(read());
      },
    });
  }

  /**
   * If `read` fails, such as during an outage of the database, the metric has no values.
   *
   * @param aggregator how the values of several workers are combined
   */
  private addLabelled(
    name: string,
    help: string,
    label: string,
    read: () => Values | Promise<Values>,
    aggregator: Aggregator = 'sum',
  ): void {
    new Gauge({
      ...{ name, help, labelNames: [label], aggregator, registers: [this.metrics.registry] },
      async collect() {
        this.reset();
        const values = await Promise.resolve()
          .then(read)
          .catch(() => ({}));
        for (const [value, number] of Object.entries(values)) this.set({ [label]: value }, number);
      },
    });
  }

  /** @param none the values before the first event */
  private addTotals(
    event: 'login' | 'refresh' | 'error',
    none: Values,
    { name, help, label }: { name: string; help: string; label: string },
  ): void {
    this.addCounter(name, help, [label], (counter, totals) => {
      const values = { ...none, ...totals[event] };
      for (const [value, total] of Object.entries(values)) counter.inc({ [label]: value }, total);
    });
  }

  private addCounter(
    name: string,
    help: string,
    labelNames: string[],
    add: (counter: Counter, totals: EventTotals) => void,
  ): void {
    const { events } = this;
    new Counter({
      ...{ name, help, labelNames, registers: [this.metrics.registry] },
      collect() {
        this.reset();
        add(this, events.totals());
      },
    });
  }
}
