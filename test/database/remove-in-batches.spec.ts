import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { MemoryDatabase } from '../support/memory-database.js';
import { removeInBatches } from '../../src/database/remove-in-batches.js';

@Entity('old_rows')
class OldRow {
  @PrimaryColumn('varchar')
  id: string;

  @Column('bigint', { name: 'expires_at' })
  expiresAt: number;
}

describe('removeInBatches', () => {
  let database: MemoryDatabase;

  beforeEach(async () => {
    database = new MemoryDatabase([OldRow]);
    await database.open();
  });
  afterEach(() => database.close());

  const store = async (count: number, expiresAt: number) => {
    const rows = Array.from({ length: count }, (_, i) => ({ id: `${expiresAt}-${i}`, expiresAt }));
    for (let i = 0; i < count; i += 100) {
      await database.manager.insert(OldRow, rows.slice(i, i + 100));
    }
  };
  const remove = (timestamp: number, signal = new AbortController().signal) =>
    removeInBatches(database, OldRow, { key: 'id', column: 'expiresAt', timestamp }, signal);
  const left = () => database.manager.count(OldRow);

  it('leaves the main thread free for four fifths of the time', async () => {
    await store(401, 1);
    await store(1, 2);
    const write = database.write.bind(database);
    let busy = 0;
    database.write = async (work) => {
      const begun = performance.now();
      const removed = await write(work);
      while (performance.now() - begun < 15);
      busy += performance.now() - begun;
      return removed;
    };
    const begun = performance.now();
    await remove(1);
    expect([database.writes, await left()]).toEqual([3, 1]);
    // There is no pause after the last of the three batches.
    expect(performance.now() - begun).toBeGreaterThan(busy + 4 * 30 - 2);
  });

  it('stops after the current batch if its signal aborts', async () => {
    await store(401, 1);
    const abort = new AbortController();
    const removal = remove(1, abort.signal);
    abort.abort();
    await removal;
    expect([database.writes, await left()]).toEqual([1, 201]);
    await remove(1, abort.signal);
    expect(database.writes).toBe(1);
  });
});
