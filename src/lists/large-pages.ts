import { setImmediate as nextTurn } from 'node:timers/promises';

/** Bytes of text from which a page counts as large. To make its answer takes about a millisecond. */
const LARGE = 100_000;

let isTaken = false;

/**
 * Resolves when no large page has been made in this turn of the event loop. Otherwise all pages that
 * are asked for in one turn would be read and written one after the other, and a request behind them
 * would wait for all of them.
 */
export async function waitToRead(): Promise<void> {
  while (isTaken) await nextTurn();
}

/**
 * Resolves when the answer of a page that has been read may be made.
 *
 * @param most the most bytes that the texts of the page may be
 */
export async function waitToSend(most: number): Promise<void> {
  if (most < LARGE) return;
  // `waitToRead` is not enough: after it resolves, another page could take the same turn first.
  while (isTaken) await nextTurn();
  isTaken = true;
  setImmediate(() => (isTaken = false));
}
