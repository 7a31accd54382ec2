/** The maximum number of bytes that are queued for a slow reader. */
const MAX_QUEUED = 1024 * 1024;
/** Milliseconds until queued lines are tried again. */
const RETRY_DELAY = 20;

interface LogOutputOptions {
  /**
   * Writes as many of the bytes as possible without waiting.
   *
   * @returns how many bytes were written
   * @throws NodeJS.ErrnoException `EAGAIN` if none can be written now
   */
  write: (bytes: Buffer) => number;
  /** @returns a line that says how many lines were lost, and why */
  report: (lines: number, cause: string) => string;
  /** @param cause an error code, or `full` if the queue was full */
  onLost: (lines: number, cause: string) => void;
}

interface Chunk {
  bytes: Buffer;
  lines: number;
  /** How many lost lines it reports. */
  reported: number;
  /** Whether it follows a part of a line that was written already. */
  isRest: boolean;
}

/**
 * Writes lines, and neither throws nor waits. Lines that a slow reader does not take yet are kept
 * in a bounded queue. Lines that cannot be written, because the disk is full or the pipe is closed,
 * are dropped and counted. As soon as lines can be written again, a report says how many were lost.
 */
export class LogOutput {
  private queue: Chunk[] = [];
  private queuedBytes = 0;
  private timer: NodeJS.Timeout | undefined;
  /** The number of lost lines that have not been reported yet. */
  private lost = 0;
  /** Why the last of them was lost. */
  private cause = '';
  /** Whether the last line was written in part. */
  private isTorn = false;

  constructor(private readonly options: LogOutputOptions) {}

  write(text: string | Uint8Array): void {
    const bytes = Buffer.from(text as string);
    const chunk = { bytes, lines: linesOf(bytes), reported: 0, isRest: false };
    if (this.queue.length === 0) this.send(this.withReport(chunk));
    else if (this.queuedBytes + bytes.length <= MAX_QUEUED) this.enqueue(chunk);
    else this.discard(chunk, 'full');
  }

  /** Writes as many of the queued lines as possible without waiting. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const chunks = this.queue;
    this.queue = [];
    this.queuedBytes = 0;
    // Lines that were lost because the queue was full are reported after the queue.
    const { lost } = this;
    for (const chunk of chunks) {
      if (this.queue.length > 0) this.enqueue(chunk);
      else this.send(chunk.isRest || this.lost === lost ? chunk : this.withReport(chunk));
    }
    // The next line may come much later.
    if (this.queue.length === 0 && this.lost > 0) this.send(this.withReport(NOTHING));
  }

  private withReport(chunk: Chunk): Chunk {
    const { lost, isTorn } = this;
    if (lost === 0) return chunk;
    const report = (isTorn ? '\n' : '') + this.options.report(lost, this.cause);
    this.lost = 0;
    this.isTorn = false;
    const bytes = Buffer.concat([Buffer.from(report), chunk.bytes]);
    return { bytes, lines: chunk.lines, reported: chunk.reported + lost, isRest: isTorn };
  }

  private send(chunk: Chunk): void {
    let { bytes, isRest } = chunk;
    try {
      while (bytes.length > 0) {
        bytes = bytes.subarray(this.options.write(bytes));
        isRest = true;
      }
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') this.enqueue({ ...chunk, bytes, isRest });
      else this.discard({ ...chunk, isRest }, code);
    }
  }

  private enqueue(chunk: Chunk): void {
    this.queue.push(chunk);
    this.queuedBytes += chunk.bytes.length;
    this.timer ??= setTimeout(() => this.flush(), RETRY_DELAY).unref();
  }

  private discard({ lines, reported, isRest }: Chunk, cause: string): void {
    this.isTorn ||= isRest;
    this.lost += lines + reported;
    this.cause = cause;
    if (lines > 0) this.options.onLost(lines, cause);
  }
}

const NOTHING: Chunk = { bytes: Buffer.alloc(0), lines: 0, reported: 0, isRest: false };

function linesOf(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf('\n'); at !== -1; at = bytes.indexOf('\n', at + 1)) lines++;
  return Math.max(1, lines);
}
