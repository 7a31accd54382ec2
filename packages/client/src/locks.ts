import type { WebStorage } from './storage.js';

/** Runs work while no one else who shares the lock runs work. */
export type Lock = <T>(work: () => Promise<T>) => Promise<T>;

/** The time in which a change of `localStorage` reaches the other processes of a browser. */
export const SETTLE_MS = 200;

/** A holder that takes longer has ended. It is longer than a refresh can take. */
const LEASE_MS = 20_000;

/** @param signal ends the pause early */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/** A random text. `crypto.randomUUID` is missing on pages without TLS. */
export function randomId(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join('-');
}

export function lockInProcess(): Lock {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const run = last.then(work);
    last = run.catch(() => undefined);
    return run;
  };
}

interface LockManager {
  request<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/**
 * A lock of all tabs of an origin: by Web Locks, which the browser releases when a tab is closed.
 * They are missing on pages without TLS and in old browsers. A lease in the storage replaces them.
 */
export function lockAcrossTabs(store: WebStorage, name: string): Lock {
  const { navigator } = globalThis as { navigator?: { locks?: LockManager } };
  const locks = navigator?.locks;
  if (locks) return (work) => locks.request(name, work);
  return (work) => withLease(store, name, work);
}

/**
 * Every tab that finds no lease writes one. The last to write holds it: once all writes have reached
 * all tabs, each of them reads the same one.
 */
async function withLease<T>(store: WebStorage, name: string, work: () => Promise<T>): Promise<T> {
  /** The lease, unless it is over. More than a whole lease is left if the clock was set back. */
  const read = (): string | null => {
    const lease = store.getItem(name);
    const left = parseInt(lease ?? '') - Date.now();
    return left > 0 && left <= LEASE_MS ? lease : null;
  };
  let mine = '';
  do {
    if (!read()) store.setItem(name, (mine = `${Date.now() + LEASE_MS} ${Math.random()}`));
    await pause(SETTLE_MS);
  } while (read() !== mine);
  try {
    return await work();
  } finally {
    if (read() === mine) store.removeItem(name);
  }
}
