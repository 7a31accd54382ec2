import { describe, expect, it } from '@jest/globals';
import { waitToSend, waitToRead } from '../../src/lists/large-pages.js';

const LARGE = 100_000;

/** Reads pages that are asked for at once, and counts the turns of the event loop meanwhile. */
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
  it('that are asked for at once are answered in one turn of the event loop each', async () => {
    expect(new Set(await turnsOfPages([LARGE, LARGE, LARGE, LARGE])).size).toBe(4);
  });

  it('are answered in the order in which they were asked for', async () => {
    const turns = await turnsOfPages([LARGE, LARGE, LARGE]);
    expect(turns).toEqual([...turns].sort((one, other) => one - other));
  });

  it('do not wait for small ones', async () => {
    expect(new Set(await turnsOfPages([LARGE - 1, 0, LARGE])).size).toBe(1);
  });
});
