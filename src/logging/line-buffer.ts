/** Entries at which their lines are written. They usually fit into the 64 KiB of a pipe (`pipe(7)`). */
const LIMIT = 192;
/** Milliseconds that an entry waits for others at most. */
const DELAY = 50;

/**
 * Formats and writes lines together. A system call for each line would cost more than everything else
 * about it, and code that runs once per request costs several times as much as in a loop. A process
 * that is killed loses the entries of the last 50 ms.
 */
export class LineBuffer<Entry> {
  private entries: Entry[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly format: (entry: Entry) => string,
    private readonly write: (lines: string) => void,
  ) {
    process.on('exit', () => this.flush());
  }

  add(entry: Entry): void {
    this.entries.push(entry);
    if (this.entries.length >= LIMIT) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), DELAY).unref();
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { entries } = this;
    if (entries.length === 0) return;
    this.entries = [];
    let lines = '';
    for (const entry of entries) lines += this.format(entry);
    this.write(lines);
  }
}
