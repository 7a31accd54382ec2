/** Calls between two readings of the clock, whose cost matters beside the fastest calls. */
const BATCH = 20;

/** A number of sequential calls, and how long they took together. */
export interface TimedCalls {
  calls: number;
  milliseconds: number;
}

/** Repeats a call for at least this time, up to the end of a batch. */
export type Repeat = (milliseconds: number) => Promise<TimedCalls>;

export function callsPerSecond(turns: readonly TimedCalls[]): number {
  const calls = turns.reduce((sum, turn) => sum + turn.calls, 0);
  const milliseconds = turns.reduce((sum, turn) => sum + turn.milliseconds, 0);
  return calls / (milliseconds / 1000);
}

/** @param call returns whether it succeeded */
export function repeatCall(call: () => boolean): Repeat {
  return async (minimum) => {
    const start = performance.now();
    let calls = 0;
    let milliseconds: number;
    do {
      for (let i = 0; i < BATCH; i++) if (!call()) throw new Error('A measured call failed.');
      calls += BATCH;
      milliseconds = performance.now() - start;
    } while (milliseconds < minimum);
    return { calls, milliseconds };
  };
}

/** Like `repeatCall`, for a call that returns a promise and rejects if it fails. */
export function repeatAsyncCall(call: () => Promise<unknown>): Repeat {
  return async (minimum) => {
    const start = performance.now();
    let calls = 0;
    let milliseconds: number;
    do {
      for (let i = 0; i < BATCH; i++) await call();
      calls += BATCH;
      milliseconds = performance.now() - start;
    } while (milliseconds < minimum);
    return { calls, milliseconds };
  };
}
