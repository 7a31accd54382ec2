import cluster, { type Worker } from 'node:cluster';
import { Logger } from '@nestjs/common';
import { WindowCounter } from '../scheduling/window-counter.js';
import type { CountRequest, ToPrimary, ToWorker, WorkerMetric } from './messages.js';
import { passOnConnections } from './pass-on-connections.js';
import { WorkerMetrics } from './worker-metrics.js';
import { WriteTurns } from './write-turns.js';

/** A worker that has run for less is replaced with a delay. In milliseconds. */
const MIN_LIFETIME = 10_000;
/** The first and the longest of these delays in milliseconds. */
const RESTART_DELAY = { first: 1_000, max: 30_000 };
/** How long a collection of metrics waits for a worker, in milliseconds. */
const COLLECT_TIMEOUT = 5_000;
/** Milliseconds after `SHUTDOWN_DELAY` until workers that still run are killed. */
const KILL_AFTER = 30_000;

interface State {
  startedAt: number;
  /** Whether it serves requests. */
  isReady: boolean;
  /** Resolves the collections of metrics that wait for it. */
  collections: Map<number, () => void>;
}

interface PrimaryOptions {
  workers: number;
  /** Seconds; see the setting `SHUTDOWN_DELAY`. */
  shutdownDelay: number;
}

/**
 * The primary process of a service with several workers (Node's `cluster`): starts, replaces and
 * ends them, and keeps what they share. It serves no request and opens no database. Connections are
 * given to workers in turn.
 */
export class Primary {
  private readonly logger = new Logger('Workers');
  private readonly workers = new Map<Worker, State>();
  private readonly turns = new WriteTurns<Worker>();
  private readonly counters = new Map<string, WindowCounter>();
  private readonly metrics = new WorkerMetrics<Worker>();
  private readonly restarts = new Set<NodeJS.Timeout>();
  private collecting: Promise<string> | undefined;
  private lastCollection = 0;
  /** Whether the service has started: the first worker has served requests. */
  private hasStarted = false;
  private isStopping = false;
  /** Workers that ended soon after their start, one after the other. */
  private failures = 0;
  /** Workers that ended unexpectedly. */
  private exits = 0;
  private exitCode = 0;

  constructor(private readonly options: PrimaryOptions) {}

  /** Starts the first worker, which migrates the database, and the others when it is ready. */
  start(): void {
    cluster.on('message', (worker, message: ToPrimary) => this.receive(worker, message));
    const stop = () => this.stop();
    process.on('SIGTERM', stop).on('SIGINT', stop);
    this.fork();
  }

  private fork(): void {
    const state = { startedAt: performance.now(), isReady: false, collections: new Map() };
    const worker = cluster.fork();
    this.workers.set(worker, state);
    // If the process cannot be created, `close` follows.
    worker.on('error', (error) => this.logger.error(error.message));
    passOnConnections(worker, () => this.findReady());
    // Not `exit`, after which messages of the worker may still arrive.
    worker.process.once('close', (code, signal) => this.ended(worker, code, signal));
  }

  private findReady(): Worker | undefined {
    const isReady = ([worker, state]: [Worker, State]) => state.isReady && worker.isConnected();
    return [...this.workers].find(isReady)?.[0];
  }

  private receive(worker: Worker, message: ToPrimary): void {
    switch (message.type) {
      case 'ready':
        return this.setReady(worker);
      case 'turn':
        return this.turns.request(worker, message.id, () => answer(worker, message.id, null));
      case 'end turn':
        return this.turns.end(worker, message.id);
      case 'count':
        return answer(worker, message.id, this.count(message.question));
      case 'metrics':
        return void this.answerMetrics(worker, message.id);
      case 'collected':
        this.metrics.add(worker, message.metrics);
        this.workers.get(worker)?.collections.get(message.id)?.();
    }
  }

  private setReady(worker: Worker): void {
    const state = this.workers.get(worker);
    if (state) state.isReady = true;
    if (!this.hasStarted) {
      this.hasStarted = true;
      for (let index = 1; index < this.options.workers; index++) this.fork();
    }
    const ready = [...this.workers.values()].filter(({ isReady }) => isReady).length;
    if (ready === this.options.workers) this.logger.log(`All ${ready} workers serve requests`);
  }

  /** Replaces a worker that has ended, unless the service stops. */
  private ended(worker: Worker, code: number | null, signal: string | null): void {
    const state = this.workers.get(worker);
    this.workers.delete(worker);
    this.turns.endAll(worker);
    this.metrics.end(worker);
    for (const resolve of state?.collections.values() ?? []) resolve();
    if (!this.hasStarted) process.exit(code ?? 1);
    if (this.isStopping) return this.exitIfAllEnded(code ?? 1);
    this.exits++;
    const lifetime = performance.now() - (state?.startedAt ?? 0);
    this.failures = lifetime < MIN_LIFETIME ? this.failures + 1 : 0;
    const delay = delayAfter(this.failures);
    const reason = signal ?? `code ${code}`;
    this.logger.error(
      `Worker ${worker.process.pid} has ended (${reason}); another one starts in ${delay / 1000} s`,
    );
    const timer = setTimeout(() => {
      this.restarts.delete(timer);
      this.fork();
    }, delay);
    this.restarts.add(timer);
  }

  /** Forwards every signal, because a second one ends a worker without delay. */
  private stop(): void {
    if (!this.hasStarted) process.exit(1);
    if (!this.isStopping) {
      this.isStopping = true;
      for (const timer of this.restarts) clearTimeout(timer);
      setTimeout(() => this.signalAll('SIGKILL'), this.options.shutdownDelay * 1000 + KILL_AFTER);
    }
    this.signalAll('SIGTERM');
    this.exitIfAllEnded(0);
  }

  private signalAll(signal: NodeJS.Signals): void {
    for (const worker of this.workers.keys()) worker.process.kill(signal);
  }

  private exitIfAllEnded(code: number): void {
    this.exitCode = Math.max(this.exitCode, code);
    if (this.workers.size === 0) process.exit(this.exitCode);
  }

  private count({ name, options, keys }: CountRequest): number {
    const counter = this.counters.get(name) ?? new WindowCounter(options);
    this.counters.set(name, counter);
    return counter.take(...keys);
  }

  private async answerMetrics(worker: Worker, id: number): Promise<void> {
    this.collecting ??= this.collect().finally(() => (this.collecting = undefined));
    try {
      answer(worker, id, await this.collecting);
    } catch (error) {
      send(worker, { type: 'failure', id, message: String(error) });
    }
  }

  /** @throws Error if a worker does not answer: without its part, sums would be wrong */
  private async collect(): Promise<string> {
    const ready = [...this.workers].filter(([, { isReady }]) => isReady);
    await Promise.all(ready.map(([worker, state]) => this.collectFrom(worker, state)));
    return this.metrics.text(this.ownMetrics(ready.length));
  }

  private collectFrom(worker: Worker, { collections }: State): Promise<void> {
    const id = ++this.lastCollection;
    return new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`Worker ${worker.process.pid} does not answer`)),
        COLLECT_TIMEOUT,
      );
      collections.set(id, () => {
        clearTimeout(timer);
        resolve();
      });
      send(worker, { type: 'collect', id });
    }).finally(() => collections.delete(id));
  }

  private ownMetrics(ready: number): WorkerMetric[] {
    const own = (value: number) => ({ aggregator: 'sum', values: [{ value, labels: {} }] });
    return [
      { name: 'workers', help: 'Workers that serve requests.', type: 'gauge', ...own(ready) },
      {
        ...{ name: 'worker_exits_total', help: 'Workers that ended unexpectedly.' },
        ...{ type: 'counter', ...own(this.exits) },
      },
    ];
  }
}

/** @returns milliseconds */
function delayAfter(failures: number): number {
  const { first, max } = RESTART_DELAY;
  return failures === 0 ? 0 : Math.min(first * 2 ** (failures - 1), max);
}

function answer(worker: Worker, id: number, value: unknown): void {
  send(worker, { type: 'answer', id, answer: value });
}

/** A message to a worker that is ending is lost, and so is the request that it is for. */
function send(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => undefined);
}
