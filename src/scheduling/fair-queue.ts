import { ApiError, tooManyRequests, unavailable } from '../errors/api-error.js';

export interface FairQueueOptions {
  /** The maximum number of tasks that run at once. */
  concurrency: number;
  /**
   * The maximum number of running tasks of each of the widest groups. By default it is unlimited.
   */
  maxRunningPerGroup?: number;
  /** The maximum number of queued tasks, in all groups together. */
  maxQueued: number;
  /** The maximum number of queued tasks of one key. */
  maxQueuedPerKey: number;
  /** Seconds that a refused caller is told to wait. */
  retryAfter: number;
}

export interface QueueKeys {
  /**
   * Groups take turns: a user, or the networks of an address from the widest to the narrowest. Groups
   * within a wider group take turns in the same way. A group that holds others has no tasks of its own.
   */
  group: string | readonly string[];
  /**
   * The key that `maxQueuedPerKey` counts in all groups, such as an account. By default the group.
   */
  key?: string | undefined;
}

/** Ends the turn of a task, and starts the next one. */
export type EndTurn = () => void;

interface QueuedTask {
  group: Group;
  key: string;
  start: () => void;
  refuse: (error: ApiError) => void;
}

/**
 * A bounded queue that is fair by group, at every level of groups. For the next task, it selects
 * the top-level group with the fewest running tasks, and the least recently served one on a tie.
 * Within that group, it selects a narrower group in the same way. The tasks of the narrowest group
 * run in the order in which they arrived. So a task of another group waits for at most one task of
 * a group, however many tasks or narrower groups that group has.
 *
 * When the queue is full, a task of a group with few queued tasks replaces the newest task of the
 * group with the most. The widest groups are compared first. So one group cannot keep others out by
 * filling the queue.
 */
export class FairQueue {
  /** Holds the widest groups. */
  private readonly root = new Group();
  private readonly queuedOfKey = new Counts();

  constructor(private readonly options: FairQueueOptions) {}

  /**
   * @param signal when it aborts while the task is queued, the task never runs
   * @throws ApiError 429 if the key has too many tasks queued, 503 if the queue is full or `signal`
   * has aborted; and the errors of `task`
   */
  async run<T>(
    { group, key }: QueueKeys,
    task: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    if (signal?.aborted === true) throw abandoned();
    const turn = this.enter({ group, key }, () => signal);
    // A task whose turn it is starts at once.
    const end = turn instanceof Promise ? await turn : turn;
    try {
      return await task();
    } finally {
      end();
    }
  }

  /**
   * Takes a turn, for a task that the caller runs itself.
   *
   * @param signal is asked for only if the task has to wait; when it aborts, the task never gets a turn
   * @returns a function that ends the turn, and has to be called once
   * @throws ApiError as `run`
   */
  enter(
    { group, key }: QueueKeys,
    signal: () => AbortSignal | undefined = () => undefined,
  ): EndTurn | Promise<EndTurn> {
    const path = typeof group === 'string' ? [group] : group;
    if (this.root.running < this.options.concurrency && this.mayRun(path[0]!)) {
      const running = this.root.at(path);
      running.count({ running: 1 });
      return () => this.startNext(running);
    }
    const counted = key === undefined ? `group ${JSON.stringify(path)}` : `key ${key}`;
    return this.enqueue(path, counted, signal()).then((running) => () => this.startNext(running));
  }

  /** Whether a group, one of the widest, has fewer tasks running than it may. */
  private mayRun(name: string): boolean {
    const { maxRunningPerGroup = Infinity } = this.options;
    return (this.root.children.get(name)?.running ?? 0) < maxRunningPerGroup;
  }

  /** The number of tasks that wait for their turn. */
  get queued(): number {
    return this.root.queued;
  }

  get running(): number {
    return this.root.running;
  }

  /**
   * Resolves when it is the task's turn, which then already counts as running.
   *
   * @returns the narrowest group of the task
   */
  private async enqueue(
    path: readonly string[],
    key: string,
    signal?: AbortSignal,
  ): Promise<Group> {
    if (signal?.aborted === true) throw abandoned();
    const { maxQueuedPerKey, maxQueued, retryAfter } = this.options;
    if (this.queuedOfKey.of(key) >= maxQueuedPerKey) {
      throw new ApiError(tooManyRequests, {
        headers: { 'retry-after': String(retryAfter) },
        cause: `${maxQueuedPerKey} tasks of one key are queued`,
      });
    }
    if (this.queued >= maxQueued) this.refuseOneFor(path);
    const group = this.root.at(path);
    let abandon: (() => void) | undefined;
    try {
      await new Promise<void>((start, refuse) => {
        const task = { group, key, start, refuse };
        group.tasks.push(task);
        group.count({ queued: 1 });
        this.queuedOfKey.add(key, 1);
        abandon = () => this.refuse(task, abandoned());
        signal?.addEventListener('abort', abandon);
      });
    } finally {
      if (abandon) signal?.removeEventListener('abort', abandon);
    }
    return group;
  }

  /**
   * Evicts a queued task for a new one. It compares each group of the path with its siblings, the
   * widest first, and so looks at no more groups than there are tasks queued.
   *
   * @throws ApiError 503 if at no level a sibling has more tasks queued than the group would have
   */
  private refuseOneFor(path: readonly string[]): void {
    const full = unavailable(`${this.options.maxQueued} tasks are queued`, this.options.retryAfter);
    let within = this.root;
    for (const name of path) {
      const own = within.children.get(name);
      const longest = within.longest();
      if (longest && longest.queued > (own?.queued ?? 0) + 1) {
        this.refuse(longest.newestOfLongestQueue(), full);
        return;
      }
      if (!own) break;
      within = own;
    }
    throw full;
  }

  private refuse(task: QueuedTask, error: ApiError): void {
    const { tasks } = task.group;
    const index = tasks.indexOf(task);
    if (index < 0) return;
    tasks.splice(index, 1);
    task.group.count({ queued: -1 });
    this.queuedOfKey.add(task.key, -1);
    task.refuse(error);
  }

  /** @param ended the group of a task that has just ended, and that still counts as running */
  private startNext(ended: Group): void {
    const freed = ended.widest();
    const group = this.root.takeTurn((each) => each === freed || this.mayRun(each.name));
    const task = group.tasks.shift();
    if (task) {
      group.count({ queued: -1, running: 1 });
      this.queuedOfKey.add(task.key, -1);
    }
    ended.count({ running: -1 });
    task?.start();
  }
}

/** A group of tasks, or of narrower groups. */
class Group {
  /** The narrower groups that have tasks queued or running. */
  readonly children = new Map<string, Group>();
  /** The narrower groups that have tasks queued, in the order of turns. */
  private readonly waiting = new Set<Group>();
  /** The queued tasks of a group that holds no narrower ones. */
  readonly tasks: QueuedTask[] = [];
  /** Tasks that are queued here and in narrower groups. */
  queued = 0;
  /** Tasks that are running here and in narrower groups. */
  running = 0;

  constructor(
    readonly name = '',
    private readonly parent?: Group,
  ) {}

  /**
   * Returns or creates the narrowest group of a path. The caller must count a task in it at once.
   */
  at(path: readonly string[]): Group {
    return path.reduce<Group>((group, name) => {
      const child = group.children.get(name) ?? new Group(name, group);
      group.children.set(name, child);
      return child;
    }, this);
  }

  /** The widest group that holds this one. */
  widest(): Group {
    return this.parent?.parent ? this.parent.widest() : this;
  }

  /** Counts a task here and in the wider groups. */
  count(change: { queued?: number; running?: number }): void {
    this.queued += change.queued ?? 0;
    this.running += change.running ?? 0;
    if (!this.parent) return;
    if (this.queued > 0) this.parent.waiting.add(this);
    else this.parent.waiting.delete(this);
    if (this.queued + this.running === 0) this.parent.children.delete(this.name);
    this.parent.count(change);
  }

  /**
   * Gives this turn to a narrower group, down to the narrowest. The number of groups that it looks
   * at on a level is at most the number of running tasks plus one.
   *
   * @param mayRun excludes groups at this level
   * @returns the narrowest group; this one if no group has its turn
   */
  takeTurn(mayRun: (group: Group) => boolean = () => true): Group {
    let chosen: Group | undefined;
    for (const group of this.waiting) {
      if (!mayRun(group)) continue;
      if (!chosen || group.running < chosen.running) chosen = group;
      if (chosen.running === 0) break;
    }
    if (!chosen) return this;
    this.waiting.delete(chosen);
    this.waiting.add(chosen);
    return chosen.takeTurn();
  }

  /** The narrower group with the most queued tasks. Of several, the one whose turn comes last. */
  longest(): Group | undefined {
    let longest: Group | undefined;
    for (const group of this.waiting) {
      if (!longest || group.queued >= longest.queued) longest = group;
    }
    return longest;
  }

  /** The newest task of the narrowest group that `longest` leads to. */
  newestOfLongestQueue(): QueuedTask {
    return this.longest()?.newestOfLongestQueue() ?? this.tasks.at(-1)!;
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

/** The client has hung up, so this error only appears in the log. */
function abandoned(): ApiError {
  return unavailable('the client hung up before its turn');
}
