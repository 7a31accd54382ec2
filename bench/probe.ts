import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** What a probe requests. */
export interface ProbeOptions {
  origin: string;
  path: string;
  /** An access token; without one the requests are anonymous. */
  token?: string;
}

/**
 * A client that requests one path repeatedly, one request at a time, and measures the longest
 * response time. It runs on its own thread: on the thread that sends the hostile requests, it would
 * also measure how long it takes to send them.
 */
export class Probe {
  private constructor(private readonly worker: Worker) {}

  /** Resolves when the connection is open and the first responses have arrived. */
  static async start(options: ProbeOptions): Promise<Probe> {
    const worker = new Worker(new URL('./probe-thread.js', import.meta.url), {
      workerData: options,
    });
    await once(worker, 'message');
    return new Probe(worker);
  }

  /** @returns the longest response time since the start, in milliseconds */
  async stop(): Promise<number> {
    this.worker.postMessage('stop');
    const [longest] = (await once(this.worker, 'message')) as [number];
    await this.worker.terminate();
    return longest;
  }
}
