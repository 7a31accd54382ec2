import { describe, expect, it } from '@jest/globals';
import { waitToSend, waitToRead } from '../../src/lists/large-pages.js';

const LARGE = 100_000;

/** Requests pages concurrently, and returns the turn of the event loop in which each is sent. */
async function turnsOfPages(sizes: readonly number[]): Promise<number[]> {
  let turn = 0;
  let done = false;
  const count = (): void => {
    turn++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  const turns = await Promise.all(
    sizes.map(async (most) => {
      await waitToRead();
      await waitToSend(most);
      return turn;
    }),
  );
  done = true;
  return turns;
}

describe('Large pages', () => {
  it('sends each of several concurrent large pages in a turn of the event loop of its own', async () => {
    expect(new Set(await turnsOfPages([LARGE, LARGE, LARGE, LARGE])).size).toBe(4);
  });

  it('sends large pages in the order of their requests', async () => {
    const turns = await turnsOfPages([LARGE, LARGE, LARGE]);
    expect(turns).toEqual([...turns].sort((one, other) => one - other));
  });

  it('does not delay a large page because of small ones', async () => {
    expect(new Set(await turnsOfPages([LARGE - 1, 0, LARGE])).size).toBe(1);
  });
});
