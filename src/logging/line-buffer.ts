/** Characters at which the lines are written. */
const LIMIT = 16 * 1024;
/** Milliseconds that a line waits for others at most. */
const DELAY = 50;

/**
 * Writes lines together, because a system call for each would cost more than everything else about
 * them. A process that is killed loses those of the last 50 ms.
 */
export class LineBuffer {
  private lines = '';
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly write: (lines: string) => void) {
    process.on('exit', () => this.flush());
  }

  add(line: string): void {
    this.lines += line;
    if (this.lines.length >= LIMIT) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), DELAY).unref();
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { lines } = this;
    this.lines = '';
    if (lines !== '') this.write(lines);
  }
}
