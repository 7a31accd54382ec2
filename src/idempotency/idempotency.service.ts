import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { Database } from '../database/database.js';
import { ApiError } from '../errors/api-error.js';
import { versionOf, withVersion } from '../http/conditional/conditional-requests.js';
import { locationOf } from '../http/links.js';
import { PeriodicJobsService } from '../scheduling/periodic-jobs.service.js';
import { idempotencyInProgress, idempotencyKeyReused } from './idempotency-errors.js';
import type { KeyedRequest } from './idempotency-key.decorator.js';
import type { IdempotencyRecord } from './idempotency-record.entity.js';
import { IdempotencyRecordRepository } from './idempotency-record.repository.js';

/** How long a repeated request waits for the first one, in milliseconds. */
const MAX_WAIT = 10_000;
/** How long a claim may wait for that of another instance, in milliseconds; see `timeouts.lock`. */
const MAX_CLAIM = 4_500;
/** Milliseconds between two looks for the answer of a request that another instance runs. */
const POLL_INTERVAL = 200;

interface Created {
  id: number;
}

/** How a resource is created that takes more than a write, or whose answer not every caller may see. */
export interface Creation<Prepared, Response extends Created> {
  /** Runs before the write, so that no write waits for it, such as a hash. */
  prepare: () => Promise<Prepared>;
  /** Runs in the transaction that also stores the answer. */
  write: (prepared: Prepared) => Promise<Response>;
  /** Whether a request with the same key and body may see the stored answer. */
  confirm: (stored: Response) => Promise<boolean>;
  /** The user with whom the stored answer is removed; null if there is none. */
  userOf: (created: Response) => number | null;
}

/**
 * Answers a repeated request with an `Idempotency-Key` like the first one, and creates nothing twice.
 * See docs/decisions/0045-idempotency.md.
 */
@Injectable()
export class IdempotencyService {
  /** The first requests that this process runs, by the ids of their records. */
  private readonly running = new Map<string, Promise<unknown>>();

  constructor(
    private readonly database: Database,
    private readonly records: IdempotencyRecordRepository,
    private readonly config: AppConfig,
    jobs: PeriodicJobsService,
  ) {
    const run = (signal: AbortSignal) => records.removeAllExpired(signal);
    jobs.add({ name: 'remove expired idempotency records', interval: 15 * 60_000, run });
  }

  /**
   * Creates a resource, or returns what an earlier request with the same key has created.
   *
   * @param request null without an `Idempotency-Key`; the resource is then just created
   * @param write runs in the transaction that also stores the answer, and must wait for nothing but the
   *   database
   * @throws ApiError `idempotency_key_reused`, `idempotency_in_progress`, `too_many_requests`
   */
  once<Response extends Created>(
    request: KeyedRequest | null,
    write: () => Promise<Response>,
  ): Promise<Response> {
    if (request === null) return write();
    const { userId } = request;
    return this.oncePrepared(request, {
      ...{ prepare: async () => undefined, write },
      ...{ confirm: async () => true, userOf: () => userId },
    });
  }

  /** As `once`. */
  async oncePrepared<Prepared, Response extends Created>(
    request: KeyedRequest | null,
    creation: Creation<Prepared, Response>,
  ): Promise<Response> {
    if (request === null) return creation.write(await creation.prepare());
    const deadline = performance.now() + MAX_WAIT;
    for (;;) {
      const record = await this.records.find(request.id);
      if (record) return this.replay(request, record, creation);
      const first = this.running.get(request.id);
      if (first) {
        await settledBefore(deadline, first);
        continue;
      }
      try {
        return await this.runFirst(request, creation);
      } catch (error) {
        await this.waitForOther(request, error, deadline);
      }
    }
  }

  private async replay<Response extends Created>(
    { fingerprint, reply }: KeyedRequest,
    record: IdempotencyRecord,
    { confirm }: Pick<Creation<never, Response>, 'confirm'>,
  ): Promise<Response> {
    const stored = JSON.parse(record.body!) as Response;
    if (record.fingerprint !== fingerprint || !(await confirm(stored))) {
      throw new ApiError(idempotencyKeyReused);
    }
    void reply.headers({ 'idempotent-replayed': 'true', location: record.location! });
    const { version } = record;
    return version === null ? stored : withVersion(stored, { version });
  }

  /** Other requests of this process with the same key wait for the end of this one. */
  private runFirst<Prepared, Response extends Created>(
    request: KeyedRequest,
    creation: Creation<Prepared, Response>,
  ): Promise<Response> {
    const result = this.create(request, creation);
    const ended = result.then(
      () => this.running.delete(request.id),
      () => this.running.delete(request.id),
    );
    this.running.set(request.id, ended);
    return result;
  }

  private async create<Prepared, Response extends Created>(
    { id, caller, fingerprint, request }: KeyedRequest,
    { prepare, write, userOf }: Creation<Prepared, Response>,
  ): Promise<Response> {
    const prepared = await prepare();
    return this.database.write(async () => {
      const expiresAt = Date.now() + this.config.web.idempotencyRetention * 1000;
      await this.records.claim({ id, caller, fingerprint, expiresAt });
      const created = await write(prepared);
      await this.records.complete(id, {
        ...{ body: JSON.stringify(created), version: versionOf(created) ?? null },
        ...{ location: locationOf(request, created.id), userId: userOf(created) },
      });
      return created;
    });
  }

  /**
   * Returns if another instance may have answered the first request, or if it is worth another try.
   *
   * @param error of this request, for example because the other one has taken the name of a user
   * @throws that error if no other request has the same key; `idempotency_in_progress` at the deadline
   */
  private async waitForOther(
    { id }: KeyedRequest,
    error: unknown,
    deadline: number,
  ): Promise<void> {
    if (!(error instanceof ApiError)) throw error;
    while (!(await this.records.find(id))) {
      if (error.kind !== idempotencyInProgress) throw error;
      await this.records.removeExpired(id);
      const remaining = deadline - performance.now();
      if (remaining > MAX_CLAIM) return;
      if (remaining <= 0) throw error;
      await sleep(Math.min(POLL_INTERVAL, remaining));
    }
  }
}

/** @throws ApiError `idempotency_in_progress` if the promise is still pending at the deadline */
async function settledBefore(deadline: number, promise: Promise<unknown>): Promise<void> {
  const timeout = new AbortController();
  const { signal } = timeout;
  const late = sleep(Math.max(0, deadline - performance.now()), 'late', { signal });
  try {
    if ((await Promise.race([promise, late])) !== 'late') return;
  } finally {
    timeout.abort();
  }
  throw new ApiError(idempotencyInProgress);
}
