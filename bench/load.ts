import autocannon from 'autocannon';
import type { HttpRequest } from './http-request.js';
import type { ServerProcess } from './server-process.js';

/** The figures of one server in one round. */
export interface Measurement {
  requestsPerSecond: number;
  /** The CPU time of the server for each request, in microseconds. */
  cpuPerRequest: number;
  /** The time of each request, in milliseconds. */
  latencies: number[];
  /** The CPU time of the least busy worker as a share of that of all; 1 without workers. */
  smallestShare: number;
}

interface Load extends HttpRequest {
  /** The path and the query. */
  path: string;
  connections: number;
  seconds: number;
  /** Requests that differ from each other; see autocannon. */
  requests?: autocannon.Request[];
  /** The number of requests; without it, the load lasts for `seconds`. */
  amount?: number;
  /** The expected status, if it is not 2xx. */
  status?: number | undefined;
}

/**
 * Puts a server under load. The figures come from the individual responses, because autocannon's
 * own figures are in whole milliseconds and whole seconds.
 *
 * @throws Error if a request fails, or a status is not the expected one
 */
export async function putUnderLoad(
  server: ServerProcess,
  { seconds, path, status: expected, ...options }: Load,
): Promise<Measurement> {
  const url = server.origin + path;
  const before = await server.cpuTimes();
  const latencies: number[] = [];
  let failure: string | undefined;
  const start = performance.now();
  let end = start;
  const { errors, timeouts } = await new Promise<autocannon.Result>((resolve, reject) => {
    const run = autocannon(
      // autocannon checks every `sampleInt` milliseconds whether `duration` is over.
      { ...options, url, duration: seconds, sampleInt: 100 },
      (error: Error | null, result) => (error ? reject(error) : resolve(result)),
    );
    run.on('response', (_client, status, _bytes, milliseconds) => {
      if (expected === undefined ? status >= 200 && status < 300 : status === expected) {
        latencies.push(milliseconds);
        end = performance.now();
      } else {
        failure ??= `the status is ${status}`;
        run.stop();
      }
    });
  });
  if (errors > 0) failure ??= `${errors} requests failed, ${timeouts} of them by timeout`;
  if (latencies.length === 0) failure ??= 'there was no response';
  const after = await server.cpuTimes();
  if (failure) throw new Error(`${options.method} ${url}: ${failure}.`);
  return {
    latencies,
    requestsPerSecond: latencies.length / ((end - start) / 1000),
    cpuPerRequest: (after.total - before.total) / latencies.length,
    smallestShare: smallestShareOf(after.workers.map((time, i) => time - before.workers[i]!)),
  };
}

function smallestShareOf(times: readonly number[]): number {
  if (times.length === 0) return 1;
  return Math.min(...times) / times.reduce((sum, time) => sum + time, 0);
}
