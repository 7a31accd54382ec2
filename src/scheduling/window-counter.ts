export interface WindowCounterOptions {
  /** The maximum number of uses of one key in one window. */
  max: number;
  /** The length of a window in milliseconds. It begins with the first use of its key. */
  window: number;
  /** The number of keys that are remembered, which are the most recently used ones. */
  maxKeys: number;
  /** A monotonic clock in milliseconds, which changes of the system time do not affect. */
  now?: () => number;
}

interface Window {
  count: number;
  endsAt: number;
}

/** Counts uses by key in fixed windows of time, in this process. */
export class WindowCounter {
  /** The windows by key, in the order of their last use. */
  private readonly windows = new Map<string, Window>();
  private readonly now: () => number;

  constructor(private readonly options: WindowCounterOptions) {
    this.now = options.now ?? (() => performance.now());
  }

  /**
   * Counts one use of each key, or of none if one of them has no uses left.
   *
   * @returns 0 if the use was counted, else the seconds until it can be counted
   */
  take(...keys: string[]): number {
    const now = this.now();
    const windows = keys.map((key) => this.windowOf(key, now));
    const full = windows.filter(({ count }) => count >= this.options.max);
    if (full.length > 0) {
      return Math.ceil(Math.max(...full.map(({ endsAt }) => endsAt - now)) / 1000);
    }
    for (const window of windows) window.count++;
    return 0;
  }

  private windowOf(key: string, now: number): Window {
    const known = this.windows.get(key);
    const window =
      known && known.endsAt > now ? known : { count: 0, endsAt: now + this.options.window };
    this.windows.delete(key);
    this.windows.set(key, window);
    if (this.windows.size > this.options.maxKeys) {
      this.windows.delete(this.windows.keys().next().value!);
    }
    return window;
  }
}
