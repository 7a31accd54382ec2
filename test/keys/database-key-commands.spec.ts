import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StartError } from '../../src/errors/start-error.js';
import { importKeys, resealKeys } from '../../src/keys/database-key-commands.js';
import { type KeyContent, noKeys } from '../../src/keys/key-content.js';
import { KeyFile } from '../../src/keys/key-file.js';
import type { KeyStore } from '../../src/keys/key-store.js';
import { generateKey } from '../../src/keys/stored-key.js';

const key = generateKey('HS256');

/** A store in memory. */
class Store implements KeyStore {
  readonly name = 'database';
  content: KeyContent | null = null;
  changes = 0;

  async read(): Promise<KeyContent | null> {
    return this.content;
  }

  async change(work: (content: KeyContent) => void): Promise<void> {
    const content = JSON.parse(JSON.stringify(this.content ?? noKeys())) as KeyContent;
    work(content);
    this.changes++;
    this.content = content;
  }
}

describe('The key commands of the database', () => {
  let folder: string;
  let file: string;
  let store: Store;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keys-'));
    file = join(folder, 'keys.json');
    store = new Store();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('need the database', async () => {
    const needed = new StartError('The command needs JWT_KEYS=database.');
    await expect(importKeys(new KeyFile(file), file)).rejects.toThrow(needed);
    await expect(resealKeys(new KeyFile(file))).rejects.toThrow(needed);
  });

  describe('import', () => {
    const write = (content: Partial<KeyContent>) =>
      writeFileSync(file, JSON.stringify({ ...noKeys(), ...content }), { mode: 0o600 });

    it('copies all members of the file', async () => {
      const content = {
        ...{ keys: [key], signing: key.kid, retired: ['gone'] },
        replaced: { old: '2026-01-01T00:00:00.000Z' },
      };
      write(content);
      const text = `The database has the keys of ${file}. Delete the file when all instances run with JWT_KEYS=database.`;
      expect(await importKeys(store, file)).toBe(text);
      expect(store.content).toEqual(content);
      expect(await importKeys(store, file)).toBe(text);
    });

    it('copies a file in which the configured key signs', async () => {
      write({ keys: [key] });
      await importKeys(store, file);
      expect(store.content).toEqual({ ...noKeys(), keys: [key] });
    });

    it('refuses to replace other keys', async () => {
      write({ keys: [key] });
      for (const other of [{ keys: [generateKey('HS256')] }, { retired: ['gone'] }]) {
        store.content = { ...noKeys(), ...other };
        await expect(importKeys(store, file)).rejects.toThrow(
          new StartError('The database has other keys already; nothing was changed.'),
        );
        expect(store.content).toEqual({ ...noKeys(), ...other });
      }
    });

    it('refuses a file that is missing, damaged or without the key that signs', async () => {
      await expect(importKeys(store, file)).rejects.toThrow(
        new StartError(`The key file ${file} does not exist.`),
      );
      write({ signing: key.kid });
      await expect(importKeys(store, file)).rejects.toThrow(
        `The signing key ${key.kid} does not exist`,
      );
      writeFileSync(file, '{');
      await expect(importKeys(store, file)).rejects.toThrow(/^The key file .* is damaged/);
      expect(store.changes).toBe(0);
    });
  });

  describe('reseal', () => {
    it('seals the keys again without a change', async () => {
      store.content = { ...noKeys(), keys: [key] };
      expect(await resealKeys(store)).toBe(
        'The keys are sealed with JWT_KEYS_SECRET. Remove JWT_KEYS_PREVIOUS_SECRET from the settings of all instances.',
      );
      expect([store.changes, store.content]).toEqual([1, { ...noKeys(), keys: [key] }]);
    });

    it('changes nothing if there are no keys', async () => {
      expect(await resealKeys(store)).toBe('There are no keys.');
      expect(store.changes).toBe(0);
    });
  });
});
