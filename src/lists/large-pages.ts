import { setImmediate as nextTurn } from 'node:timers/promises';

/** Bytes of text from which a page is large. Serializing it takes about a millisecond. */
const LARGE = 100_000;

/** Whether a large page is serialized in this turn of the event loop. */
let isSerializing = false;

/**
 * Resolves when no large page has been serialized in this turn of the event loop. Otherwise all
 * pages that are requested in one turn would be read and sent one after another, and the next
 * request would wait for all of them.
 */
export async function waitToRead(): Promise<void> {
  while (isSerializing) await nextTurn();
}

/**
 * Resolves when a page that has been read may be serialized.
 *
 * @param maxBytes an upper bound of the bytes of the page's texts
 */
export async function waitToSend(maxBytes: number): Promise<void> {
  if (maxBytes < LARGE) return;
  // After `waitToRead` has resolved, another large page may be serialized first.
  while (isSerializing) await nextTurn();
  isSerializing = true;
  setImmediate(() => (isSerializing = false));
}
