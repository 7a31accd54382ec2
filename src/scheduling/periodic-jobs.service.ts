import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { ApiError } from '../errors/api-error.js';
import { messageOf } from '../errors/error-message.js';
import { WindowCounter } from './window-counter.js';

/** Work that is done at the start and then at intervals. */
export interface PeriodicJob {
  /** Names the job in the log. */
  name: string;
  /** Milliseconds from the start of one run to the start of the next. */
  interval: number;
  /**
   * One run.
   *
   * @param signal aborts at shutdown; a run of several batches ends after the current batch
   */
  run: (signal: AbortSignal) => Promise<void>;
  /** Runs the job once more at shutdown, with an aborted signal. */
  runAtShutdown?: boolean;
}

interface ScheduledJob {
  interval: number;
  runAtShutdown: boolean;
  /** The number of runs that have not ended: the current one and those that wait for it. */
  pending: number;
  /** Resolves when the last of these runs ends. */
  latest: Promise<void>;
  runNow: () => Promise<void>;
}

/**
 * Runs the periodic jobs that services add in their constructors. A job never runs twice at once in
 * this process. A failure is logged, and the next run tries again. Shutdown waits for the current
 * runs, because the database closes next. See docs/decisions/0031-periodic-jobs.md.
 */
@Injectable()
export class PeriodicJobsService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(PeriodicJobsService.name);
  private readonly abort = new AbortController();
  /** Logs one line a minute for each job and cause, because a job may fail every second. */
  private readonly lines = new WindowCounter({ max: 1, window: 60_000, maxKeys: 64 });
  private readonly jobs: ScheduledJob[] = [];
  private readonly timers: NodeJS.Timeout[] = [];

  /** Aborts at shutdown. */
  get stopping(): AbortSignal {
    return this.abort.signal;
  }

  /** @returns a function that runs the job now, after a current run, and never rejects */
  add({ name, interval, run, runAtShutdown = false }: PeriodicJob): () => Promise<void> {
    const latest = Promise.resolve();
    const job: ScheduledJob = { interval, runAtShutdown, pending: 0, latest, runNow };
    const { signal } = this.abort;
    const logFailure = (error: unknown) => this.logFailure(name, error);
    function runNow(): Promise<void> {
      job.pending++;
      job.latest = job.latest.then(() => run(signal)).catch(logFailure);
      return (job.latest = job.latest.finally(() => job.pending--));
    }
    this.jobs.push(job);
    return runNow;
  }

  onApplicationBootstrap(): void {
    for (const job of this.jobs) {
      // Skips a run if the previous one takes longer than the interval.
      const tick = () => void (job.pending === 0 && job.runNow());
      this.timers.push(setInterval(tick, job.interval).unref());
      tick();
    }
  }

  async onModuleDestroy(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    this.abort.abort();
    const ends = this.jobs.map((job) => (job.runAtShutdown ? job.runNow() : job.latest));
    await Promise.all(ends);
  }

  /** An outage of the database is not a fault of the code, so it is logged without a stack trace. */
  private logFailure(name: string, error: unknown): void {
    const isOutage = error instanceof ApiError;
    const reason = isOutage ? error.reason : messageOf(error);
    if (this.lines.take(`${name}: ${reason}`) > 0) return;
    if (isOutage) this.logger.warn(`The job "${name}" failed and will run again: ${reason}`);
    else this.logger.error(`The job "${name}" failed`, error);
  }
}
