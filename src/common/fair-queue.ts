import { ApiError, tooManyRequests, unavailable } from './api-error.js';

export interface FairQueueOptions {
  /** Tasks that run at once. */
  concurrency: number;
  /** Tasks of one group that run at once. By default as many as run at all. */
  maxRunningPerGroup?: number;
  /** Tasks that may wait, in all groups together. */
  maxQueued: number;
  /** Tasks of one key that may wait. */
  maxQueuedPerKey: number;
  /** Seconds that a refused caller is told to wait. */
  retryAfter: number;
}

export interface QueueKeys {
  /** Groups take turns: a user, or an address range. */
  group: string;
  /** What `maxQueuedPerKey` counts, in whatever group it comes: an account. By default the group. */
  key?: string | undefined;
}

interface QueuedTask {
  group: string;
  key: string;
  start: () => void;
  refuse: (error: ApiError) => void;
}

/**
 * A bounded queue that is fair by group. The next task comes from the group that has the fewest
 * running, and among those from the one whose last turn is longest ago. Within a group tasks run in
 * the order in which they came. So however many tasks one group has queued, a task of another group
 * waits for one of them at most.
 *
 * When the queue is full, a task of a group with few takes the place of the newest of the group with
 * the most. So one group cannot keep others out by filling the queue.
 */
export class FairQueue {
  /** The order of the map is the order of turns. No group is empty. */
  private readonly groups = new Map<string, QueuedTask[]>();
  private readonly queuedOfKey = new Counts();
  private readonly runningOfGroup = new Counts();
  private queued = 0;
  private running = 0;

  constructor(private readonly options: FairQueueOptions) {}

  /**
   * @param signal when it aborts while the task is queued, the task never runs
   * @throws ApiError 429 if the key has too many tasks queued, 503 if the queue is full or `signal`
   * has aborted; else whatever `task` throws
   */
  async run<T>(
    { group, key }: QueueKeys,
    task: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    if (signal?.aborted === true) throw abandoned();
    if (this.running < this.options.concurrency && this.mayRun(group)) {
      this.running++;
      this.runningOfGroup.add(group, 1);
    } else {
      await this.enqueue(group, key === undefined ? `group ${group}` : `key ${key}`, signal);
    }
    try {
      return await task();
    } finally {
      this.startNext(group);
    }
  }

  private mayRun(group: string): boolean {
    const { maxRunningPerGroup = Infinity } = this.options;
    return this.runningOfGroup.of(group) < maxRunningPerGroup;
  }

  /** Resolves when it is the task's turn, which then already counts as running. */
  private async enqueue(group: string, key: string, signal?: AbortSignal): Promise<void> {
    const { maxQueuedPerKey, maxQueued, retryAfter } = this.options;
    if (this.queuedOfKey.of(key) >= maxQueuedPerKey) {
      throw new ApiError(tooManyRequests, {
        headers: { 'retry-after': String(retryAfter) },
        cause: `${maxQueuedPerKey} tasks of one key are queued`,
      });
    }
    if (this.queued >= maxQueued) this.makeRoomFor(group);
    let abandon: (() => void) | undefined;
    try {
      await new Promise<void>((start, refuse) => {
        const task = { group, key, start, refuse };
        const tasks = this.groups.get(group);
        if (tasks) tasks.push(task);
        else this.groups.set(group, [task]);
        this.count(task, 1);
        abandon = () => this.refuse(task, abandoned());
        signal?.addEventListener('abort', abandon, { once: true });
      });
    } finally {
      if (abandon) signal?.removeEventListener('abort', abandon);
    }
  }

  /** @throws ApiError 503 if no group has more queued than this one would have */
  private makeRoomFor(group: string): void {
    let longest = this.groups.get(group) ?? [];
    const own = longest.length;
    for (const tasks of this.groups.values()) if (tasks.length > longest.length) longest = tasks;
    const full = unavailable(`${this.options.maxQueued} tasks are queued`, this.options.retryAfter);
    if (longest.length <= own + 1) throw full;
    this.refuse(longest.at(-1)!, full);
  }

  private refuse(task: QueuedTask, error: ApiError): void {
    const tasks = this.groups.get(task.group) ?? [];
    const index = tasks.indexOf(task);
    if (index < 0) return;
    tasks.splice(index, 1);
    if (tasks.length === 0) this.groups.delete(task.group);
    this.count(task, -1);
    task.refuse(error);
  }

  /** @param ended the group of the task that has just ended; it counts as running until here */
  private startNext(ended: string): void {
    const next = this.takeNext(ended);
    this.runningOfGroup.add(ended, -1);
    if (!next) {
      this.running--;
      return;
    }
    this.runningOfGroup.add(next.group, 1);
    next.start();
  }

  /** @param ended the group whose task has ended, but still counts as running */
  private takeNext(ended: string): QueuedTask | undefined {
    let chosen: string | undefined;
    let fewest = Infinity;
    for (const group of this.groups.keys()) {
      const running = this.runningOfGroup.of(group);
      if (group !== ended && !this.mayRun(group)) continue;
      if (running < fewest) [chosen, fewest] = [group, running];
      if (fewest === 0) break;
    }
    if (chosen === undefined) return undefined;
    const tasks = this.groups.get(chosen)!;
    const task = tasks.shift()!;
    this.groups.delete(chosen);
    if (tasks.length > 0) this.groups.set(chosen, tasks);
    this.count(task, -1);
    return task;
  }

  private count({ key }: QueuedTask, change: number): void {
    this.queued += change;
    this.queuedOfKey.add(key, change);
  }
}

/** Counts by name; holds no name whose count is 0. */
class Counts {
  private readonly counts = new Map<string, number>();

  of(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  add(name: string, change: number): void {
    const count = this.of(name) + change;
    if (count === 0) this.counts.delete(name);
    else this.counts.set(name, count);
  }
}

/** The caller has hung up, so this answer reaches the log alone. */
function abandoned(): ApiError {
  return unavailable('the client hung up before its turn');
}
