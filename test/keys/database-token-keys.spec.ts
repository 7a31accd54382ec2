import { createSecretKey } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { unavailable } from '../../src/errors/api-error.js';
import { StartError } from '../../src/errors/start-error.js';
import type { JwtSettings } from '../../src/config/jwt-settings.js';
import { DatabaseTokenKeys } from '../../src/keys/database-token-keys.js';
import { type KeyContent, noKeys } from '../../src/keys/key-content.js';
import type { KeyTable } from '../../src/keys/key-table.js';
import { generateKey } from '../../src/keys/stored-key.js';
import { tokenKey } from '../../src/keys/token-key.js';

const secret = createSecretKey(Buffer.alloc(32, 'own'));
const own = tokenKey(secret, 'HS256');
const [first, second] = [generateKey('HS256'), generateKey('HS384')];
const settings: JwtSettings = {
  ...{ key: { key: secret }, algorithm: 'HS256', algorithms: ['HS256'] },
  keyStore: { secret, previousSecret: null },
};

describe('DatabaseTokenKeys', () => {
  let stored: { revision: number; content: KeyContent };
  let log: jest.SpiedFunction<Logger['log']>;
  let error: jest.SpiedFunction<Logger['error']>;
  const revision = jest.fn<KeyTable['revision']>();
  const load = jest.fn<KeyTable['load']>();
  const table = { revision, load } as unknown as KeyTable;

  beforeEach(() => {
    let time = 0;
    // Reloads need not wait for the interval.
    jest.spyOn(performance, 'now').mockImplementation(() => (time += 1000));
    log = jest.spyOn(Logger.prototype, 'log').mockReturnValue();
    error = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    stored = { revision: 0, content: noKeys() };
    revision.mockReset().mockImplementation(async () => stored.revision);
    load.mockReset().mockImplementation(async () => stored);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const store = (revision: number, content: Partial<KeyContent>) => {
    stored = { revision, content: { ...noKeys(), ...content } };
  };

  it('holds the configured key and the stored keys', async () => {
    store(1, { keys: [first] });
    const keys = await DatabaseTokenKeys.load(settings, table);
    expect(keys.ring.signing.id).toBe(own.id);
    expect(keys.find(first.kid)?.id).toBe(first.kid);
    expect(keys.pollInterval).toBe(250);
  });

  it('throws without a key in the settings and in the database, and creates no secret file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keys-'));
    const key = { secretFile: join(folder, 'secret') };
    for (const without of [{ key: null }, { key }]) {
      const loaded = DatabaseTokenKeys.load({ ...settings, ...without }, table);
      await expect(loaded).rejects.toThrow(StartError);
    }
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  it('loads the keys once for each change of the revision', async () => {
    const keys = await DatabaseTokenKeys.load(settings, table);
    const { ring } = keys;
    await keys.reload();
    expect(keys.ring).toBe(ring);
    store(1, { keys: [second], signing: second.kid });
    await keys.reload();
    expect(keys.ring.signing.id).toBe(second.kid);
    const { ring: next } = keys;
    await keys.reload();
    expect(keys.ring).toBe(next);
    expect(load).toHaveBeenCalledTimes(2);
    expect(log.mock.calls).toEqual([[`The keys have changed: ${second.kid} (HS384) signs`]]);
  });

  it('keeps the loaded keys if the revision is lower, and logs that once', async () => {
    store(3, { keys: [second], signing: second.kid });
    const keys = await DatabaseTokenKeys.load(settings, table);
    store(2, { keys: [first], signing: first.kid });
    await keys.reload();
    await keys.reload();
    expect(keys.ring.signing.id).toBe(second.kid);
    const lower =
      'The keys were not reloaded: The keys in the database have revision 2, but revision 3 is loaded; restart the service if a backup was restored.';
    expect(error.mock.calls).toEqual([[lower]]);
    store(3, {});
    await keys.reload();
    store(2, {});
    await keys.reload();
    expect(error.mock.calls).toEqual([[lower], [lower]]);
    store(4, { keys: [first], signing: first.kid });
    await keys.reload();
    expect(keys.ring.signing.id).toBe(first.kid);
  });

  it('keeps the loaded keys if the changed ones cannot be opened or are invalid', async () => {
    store(1, { keys: [first] });
    const keys = await DatabaseTokenKeys.load(settings, table);
    store(2, { signing: 'missing' });
    await keys.reload();
    load.mockRejectedValue(new StartError('cannot be opened'));
    await keys.reload();
    await keys.reload();
    expect(keys.find(first.kid)).toBeDefined();
    expect(error.mock.calls).toEqual([
      [expect.stringMatching(/The signing key missing does not exist/)],
      ['The keys were not reloaded: cannot be opened'],
    ]);
    store(3, {});
    await keys.reload();
    expect(error).toHaveBeenCalledTimes(3);
    // A later revision may be loaded in the meantime.
    load.mockImplementation(async () => ({ ...stored, revision: 4 }));
    await keys.reload();
    store(4, {});
    await keys.reload();
    expect(load).toHaveBeenCalledTimes(6);
    expect(log).toHaveBeenCalledTimes(1);
  });

  it('logs no error if the row has the loaded revision again when it is read', async () => {
    store(1, { keys: [first] });
    const keys = await DatabaseTokenKeys.load(settings, table);
    revision.mockResolvedValueOnce(2);
    await keys.reload();
    expect(error).not.toHaveBeenCalled();
    expect(keys.find(first.kid)).toBeDefined();
  });

  it('fails if the database does not answer', async () => {
    const keys = await DatabaseTokenKeys.load(settings, table);
    revision.mockRejectedValueOnce(unavailable('no answer'));
    await expect(keys.reload()).rejects.toMatchObject({ reason: 'no answer' });
    store(1, {});
    load.mockRejectedValueOnce(unavailable('no answer'));
    await expect(keys.reload()).rejects.toMatchObject({ reason: 'no answer' });
    expect(error).not.toHaveBeenCalled();
    await keys.reload();
    expect(log).toHaveBeenCalledTimes(1);
  });

  it('answers concurrent calls with one reload, at most every 100 ms', async () => {
    const keys = await DatabaseTokenKeys.load(settings, table);
    jest.spyOn(performance, 'now').mockRestore();
    await keys.reload();
    const startedAt = performance.now();
    await Promise.all([keys.reload(), keys.reload(), keys.reload()]);
    await Promise.all([keys.reload(), keys.reload()]);
    expect(performance.now() - startedAt).toBeGreaterThan(150);
    expect(revision).toHaveBeenCalledTimes(3);
  });
});
