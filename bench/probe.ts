import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** What another client reads meanwhile, and with which token. */
export interface Reading {
  origin: string;
  path: string;
  token?: string;
}

/**
 * A client that reads one address again and again, one request at a time, on a thread of its own:
 * on the thread that sends the hostile requests it would also measure how long those take to send.
 */
export class Probe {
  private constructor(private readonly worker: Worker) {}

  /** Resolves once the connection is open and the first answers have come. */
  static async start(reading: Reading): Promise<Probe> {
    const worker = new Worker(new URL('./probe-thread.js', import.meta.url), {
      workerData: reading,
    });
    await once(worker, 'message');
    return new Probe(worker);
  }

  /** @returns the longest that an answer took since the start, in milliseconds */
  async stop(): Promise<number> {
    this.worker.postMessage('stop');
    const [longest] = (await once(this.worker, 'message')) as [number];
    await this.worker.terminate();
    return longest;
  }
}
