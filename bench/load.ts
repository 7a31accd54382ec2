import autocannon from 'autocannon';
import type { HttpRequest } from './http-request.js';

/** What one server did in one round. */
export interface Measurement {
  requestsPerSecond: number;
  /** Milliseconds, one for each request. */
  latencies: number[];
}

export interface Load extends HttpRequest {
  url: string;
  connections: number;
  seconds: number;
}

/**
 * Puts a server under load for a while. The figures are taken from the single responses:
 * autocannon's own are in whole milliseconds and whole seconds.
 *
 * @throws Error where any answer is no success
 */
export async function putUnderLoad({ seconds, ...options }: Load): Promise<Measurement> {
  const latencies: number[] = [];
  let failure: string | undefined;
  const start = performance.now();
  let end = start;
  const { errors, timeouts } = await new Promise<autocannon.Result>((resolve, reject) => {
    const run = autocannon(
      // It looks every `sampleInt` milliseconds whether its time is up.
      { ...options, duration: seconds, sampleInt: 100 },
      (error: Error | null, result) => (error ? reject(error) : resolve(result)),
    );
    run.on('response', (_client, status, _bytes, milliseconds) => {
      if (status >= 200 && status < 300) {
        latencies.push(milliseconds);
        end = performance.now();
      } else {
        failure ??= `it answers ${status}`;
        run.stop();
      }
    });
  });
  if (errors > 0) failure ??= `${errors} requests failed, ${timeouts} of them by a timeout`;
  if (latencies.length === 0) failure ??= 'it answers nothing';
  if (failure) throw new Error(`${options.method} ${options.url}: ${failure}.`);
  return { latencies, requestsPerSecond: latencies.length / ((end - start) / 1000) };
}
