import { type Lock, lockAcrossTabs, lockInProcess, pause, SETTLE_MS } from './locks.js';

/**
 * What the client keeps of a login: the pair of tokens. In cookie mode, where no script can read the
 * tokens, it is the pair of values for `X-CSRF-TOKEN`.
 */
export interface Tokens {
  access: string;
  refresh: string;
}

/** Keeps the pair of a login. */
export interface TokenStorage {
  get(): Tokens | null | Promise<Tokens | null>;
  set(tokens: Tokens | null): void | Promise<void>;
  /** Runs work while no other user of the same pair runs work. */
  lock: Lock;
}

/** The methods of `localStorage` that the client uses. */
export interface WebStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** Keeps the pair until the page or the process ends. */
export function memoryStorage(): TokenStorage {
  let kept: Tokens | null = null;
  return {
    get: () => kept,
    set: (tokens) => void (kept = tokens),
    lock: lockInProcess(),
  };
}

/**
 * Keeps the pair in `localStorage`, where all tabs of an origin share it, or in `sessionStorage`.
 *
 * @param key the name of the item
 */
export function webStorage(store: WebStorage, key = 'tokens'): TokenStorage {
  const locked = lockAcrossTabs(store, `${key} lock`);
  let written = false;
  return {
    get: () => JSON.parse(store.getItem(key) ?? 'null') as Tokens | null,
    set: (tokens) => {
      written = true;
      if (tokens) store.setItem(key, JSON.stringify(tokens));
      else store.removeItem(key);
    },
    lock: (work) =>
      new Promise((resolve, reject) => {
        locked(async () => {
          written = false;
          await work().then(resolve, reject);
          // Other processes of the browser see a new item a little later. The caller has its result
          // already, and only the next holder of the lock waits.
          if (written) await pause(SETTLE_MS);
        }).catch(reject);
      }),
  };
}
