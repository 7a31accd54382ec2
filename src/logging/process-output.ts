import cluster from 'node:cluster';
import { writeSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import { LogOutput } from './log-output.js';

/** Counts lines that could not be written. */
type CountLost = (lines: number, cause: string) => void;
type Done = () => void;

/**
 * Sends everything that is written to stdout and stderr through a `LogOutput`, so that a full disk,
 * a closed pipe or a stopped reader neither ends nor blocks the process. This includes the loggers,
 * `console`, and Node's warnings and uncaught exceptions, which become lines of the log.
 *
 * @returns a function that sets the counter of lost lines, and counts those that were lost before
 */
export function protectOutput(): (counter: CountLost) => void {
  const early: Parameters<CountLost>[] = [];
  let count: CountLost = (...lost) => void early.push(lost);
  /** The output of the logger while a report is created. */
  let captured: string | undefined;
  const report = (lines: number, cause: string): string => {
    captured = '';
    new Logger('Log').warn(`Lines that could not be written: ${lines} (${cause})`);
    const line = captured;
    captured = undefined;
    return line;
  };
  for (const stream of [process.stdout, process.stderr]) {
    // This does not block: Node has made a pipe non-blocking when it opened the stream.
    const write = (bytes: Buffer) =>
      writeSync(stream.fd, cluster.isWorker ? firstLines(bytes) : bytes);
    const output = new LogOutput({ write, report, onLost: (...lost) => count(...lost) });
    stream.write = (chunk: string | Uint8Array, encoding?: unknown, done?: Done): boolean => {
      if (captured === undefined) output.write(chunk);
      else captured += String(chunk);
      const callback = typeof encoding === 'function' ? (encoding as Done) : done;
      if (callback) process.nextTick(callback);
      return true;
    };
    process.on('exit', () => output.flush());
  }
  logNodeEvents();
  return (counter) => {
    count = counter;
    for (const lost of early.splice(0)) counter(...lost);
  };
}

/** Bytes that a pipe takes at once or not at all: `PIPE_BUF` of Linux (pipe(7)). */
const PIPE_BUF = 4096;

/**
 * Returns as many whole lines as can be written at once. Workers write to the same pipe, and longer
 * writes could be mixed with those of others. A single line that is longer is returned as it is.
 */
export function firstLines(bytes: Buffer): Buffer {
  if (bytes.length <= PIPE_BUF) return bytes;
  const end = bytes.lastIndexOf('\n', PIPE_BUF - 1);
  const last = end === -1 ? bytes.indexOf('\n') : end;
  return last === -1 ? bytes : bytes.subarray(0, last + 1);
}

/** Logs Node's warnings and uncaught exceptions, which would otherwise bypass the streams. */
function logNodeEvents(): void {
  const logger = new Logger('Node');
  // With NODE_NO_WARNINGS there is no listener.
  if (process.listenerCount('warning') > 0) {
    process.removeAllListeners('warning');
    process.on('warning', ({ name, message }) => logger.warn(`${name}: ${message}`));
  }
  process.on('uncaughtException', (error) => {
    logger.fatal(error);
    process.exit(1);
  });
}
