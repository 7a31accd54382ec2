/** Calls between two looks at the clock, which would cost a share of the fastest ones. */
const BATCH = 20;

/** What was done, one call after the other, and how long it took. */
export interface Work {
  calls: number;
  milliseconds: number;
}

/** Works for as long as it is told, and a little longer. */
export type Worker = (milliseconds: number) => Promise<Work>;

export function callsPerSecond(work: readonly Work[]): number {
  const calls = work.reduce((sum, each) => sum + each.calls, 0);
  const milliseconds = work.reduce((sum, each) => sum + each.milliseconds, 0);
  return calls / (milliseconds / 1000);
}

/** @param call gives whether it succeeded */
export function worker(call: () => boolean): Worker {
  return async (least) => {
    const start = performance.now();
    let calls = 0;
    let milliseconds: number;
    do {
      for (let i = 0; i < BATCH; i++) if (!call()) throw new Error('A measured call fails.');
      calls += BATCH;
      milliseconds = performance.now() - start;
    } while (milliseconds < least);
    return { calls, milliseconds };
  };
}

/** As `worker`, for what is waited for, and rejects where it fails. */
export function asyncWorker(call: () => Promise<unknown>): Worker {
  return async (least) => {
    const start = performance.now();
    let calls = 0;
    let milliseconds: number;
    do {
      for (let i = 0; i < BATCH; i++) await call();
      calls += BATCH;
      milliseconds = performance.now() - start;
    } while (milliseconds < least);
    return { calls, milliseconds };
  };
}
