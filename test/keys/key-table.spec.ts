import { createSecretKey } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EntityManager } from 'typeorm';
import { StartError } from '../../src/errors/start-error.js';
import { noKeys } from '../../src/keys/key-content.js';
import { KeyTable } from '../../src/keys/key-table.js';
import { generateKey } from '../../src/keys/stored-key.js';
import { StoredTokenKeys } from '../../src/keys/stored-token-keys.entity.js';
import { MemoryDatabase } from '../support/memory-database.js';

const [secret, next] = [1, 2].map((fill) => createSecretKey(Buffer.alloc(32, fill)));
const key = generateKey('HS256');

describe('KeyTable', () => {
  let database: MemoryDatabase;
  let table: KeyTable;

  beforeEach(async () => {
    database = new MemoryDatabase([StoredTokenKeys]);
    await database.open();
    table = new KeyTable(database, { secret: secret!, previousSecret: null });
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await database.close();
  });
  const rows = () => database.manager.find(StoredTokenKeys);

  it('has no keys before the first change', async () => {
    expect(table.name).toBe('database');
    expect(await table.revision()).toBe(0);
    expect(await table.load()).toEqual({ revision: 0, content: noKeys() });
    expect(await table.read()).toBeNull();
  });

  it('counts changes, and keeps one row', async () => {
    await table.change(({ keys }) => keys.push(key));
    const { sealed } = (await rows())[0]!;
    expect(await table.load()).toEqual({ revision: 1, content: { ...noKeys(), keys: [key] } });
    await table.change((content) => (content.signing = key.kid));
    expect(await table.revision()).toBe(2);
    expect(await table.read()).toEqual({ ...noKeys(), keys: [key], signing: key.kid });
    expect(await rows()).toEqual([{ id: 1, revision: 2, sealed: expect.any(String) }]);
    expect((await rows())[0]!.sealed).not.toBe(sealed);
    expect(database.writes).toBe(2);
  });

  it('seals with the current secret, also if nothing changes', async () => {
    await table.change(({ keys }) => keys.push(key));
    const both = { secret: next!, previousSecret: secret! };
    await new KeyTable(database, both).change(() => undefined);
    await expect(table.load()).rejects.toThrow(StartError);
    const after = new KeyTable(database, { secret: next!, previousSecret: null });
    expect((await after.read())!.keys).toEqual([key]);
  });

  it('reads and changes the only row it knows', async () => {
    await table.change(({ keys }) => keys.push(key));
    const other = { id: 0, revision: 1, sealed: 'other' };
    await database.manager.insert(StoredTokenKeys, other);
    expect(await table.revision()).toBe(1);
    await table.change((content) => (content.signing = key.kid));
    expect(await table.load()).toMatchObject({ revision: 2, content: { signing: key.kid } });
    expect(await rows()).toContainEqual(other);
  });

  it('reads the revision without the keys', () => {
    const [row, revision] = database.selects.map(({ query }) => query(database.manager).getSql());
    expect(row).toContain('sealed');
    expect(revision).not.toContain('sealed');
  });

  it('locks the row for a change', () => {
    const [row, revision] = database.selects;
    expect(row!.lock).toBe('exclusive');
    expect(revision!.lock).toBeUndefined();
    expect(database.selects.map(({ parameters }) => parameters)).toEqual([[], []]);
  });

  it('does not store a key that no service could load', async () => {
    await expect(table.change(({ keys }) => keys.push({ ...key, kid: 'bogus' }))).rejects.toThrow(
      'The stored key bogus should have the kid',
    );
    expect(await table.read()).toBeNull();
  });

  it('refuses a change if the revision has changed since it was read', async () => {
    const update = jest.spyOn(EntityManager.prototype, 'update');
    update.mockResolvedValue({ affected: 0 } as never);
    await expect(table.change(({ keys }) => keys.push(key))).rejects.toThrow(
      new StartError('Another command changed the keys; try again.'),
    );
    expect(update.mock.calls[0]!.slice(0, 2)).toEqual([StoredTokenKeys, { id: 1, revision: 0 }]);
  });
});
