/** Bytes that wait for a reader that is slower than the log. */
const MAX_QUEUED = 1024 * 1024;
/** Milliseconds until what waits is tried again. */
const RETRY = 20;

export interface LogOutputOptions {
  /**
   * Writes as much of the bytes as is possible at once, and does not wait.
   *
   * @returns how many
   * @throws NodeJS.ErrnoException `EAGAIN` if none can be written now
   */
  write: (bytes: Uint8Array) => number;
  /** @returns a line that says how many lines were lost, and why */
  report: (lines: number, cause: string) => string;
  /** @param cause an error code, or `full` if too much was waiting */
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
 * Writes lines, and neither throws nor waits. What a slow reader does not take yet waits in a bounded
 * buffer. What cannot be written, on a full disk or to a closed pipe, is dropped and counted. The first
 * line that can be written again follows one that says how many were lost.
 */
export class LogOutput {
  private waiting: Chunk[] = [];
  private queuedBytes = 0;
  private timer: NodeJS.Timeout | undefined;
  /** Lines that no report has named yet, and why the last of them was lost. */
  private lost = 0;
  private cause = '';
  /** Whether the last line was written in part. */
  private isTorn = false;

  constructor(private readonly options: LogOutputOptions) {}

  write(text: string | Uint8Array): void {
    const bytes = Buffer.from(text as string);
    const chunk = { bytes, lines: linesOf(bytes), reported: 0, isRest: false };
    if (this.waiting.length === 0) this.send(this.withReport(chunk));
    else if (this.queuedBytes + bytes.length <= MAX_QUEUED) this.enqueue(chunk);
    else this.discard(chunk, 'full');
  }

  /** Writes what waits, as far as that is possible at once. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const chunks = this.waiting;
    this.waiting = [];
    this.queuedBytes = 0;
    // What was lost because too much was waiting comes after that.
    const { lost } = this;
    for (const chunk of chunks) {
      if (this.waiting.length > 0) this.enqueue(chunk);
      else this.send(chunk.isRest || this.lost === lost ? chunk : this.withReport(chunk));
    }
    // The next line may be long in coming.
    if (this.waiting.length === 0 && this.lost > 0) this.send(this.withReport(NOTHING));
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
    this.waiting.push(chunk);
    this.queuedBytes += chunk.bytes.length;
    this.timer ??= setTimeout(() => this.flush(), RETRY).unref();
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
