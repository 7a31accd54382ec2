import { createSecretKey } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { StartError } from '../../src/errors/start-error.js';
import type { JwtSettings } from '../../src/config/jwt-settings.js';
import { KeyFile } from '../../src/keys/key-file.js';
import { addKey, listKeys, retireKey, useKey } from '../../src/keys/manage-keys.js';
import { tokenKey } from '../../src/keys/token-key.js';

const NOW = 1_700_000_000_000;
const now = new Date(NOW).toISOString();
const secret = createSecretKey(Buffer.alloc(32, 'own'));
const own = tokenKey(secret, 'HS256').id;

describe('The key commands', () => {
  let folder: string;
  let settings: JwtSettings;
  let store: KeyFile;

  beforeEach(() => {
    jest.useFakeTimers({ now: NOW });
    folder = mkdtempSync(join(tmpdir(), 'keys-'));
    settings = {
      ...{ key: { key: secret }, algorithm: 'HS256', algorithms: ['HS256'] },
      keyStore: { file: join(folder, 'keys.json') },
    };
    store = new KeyFile(join(folder, 'keys.json'));
  });
  afterEach(() => {
    jest.useRealTimers();
    rmSync(folder, { recursive: true });
  });

  const add = async (algorithm: 'HS256' | 'ES256' = 'HS256') =>
    (await addKey(store, algorithm)).split(' ')[0]!;
  const use = (id: string) => useKey(store, settings, { id, lifetime: 60 });
  const content = () => store.read()!;
  const withoutOwn = () => ({ ...settings, key: null });
  const noKey = (id: string) => new StartError(`There is no key ${id}; see: npm run keys -- list`);

  describe('list', () => {
    it('reports that there are no keys', async () => {
      expect(await listKeys(store, withoutOwn())).toBe('There are no keys.');
    });

    it('creates no secret', async () => {
      const key = { secretFile: join(folder, 'secret') };
      expect(await listKeys(store, { ...settings, key })).toBe('There are no keys.');
      await expect(
        useKey(store, { ...settings, key }, { id: 'other', lifetime: 60 }),
      ).rejects.toThrow(noKey('other'));
      expect(readdirSync(folder)).toEqual([]);
    });

    it('lists the origin and the state of each key', async () => {
      expect(await listKeys(store, settings)).toBe(`${own}  HS256  signs (settings)`);
      const id = await add('ES256');
      expect((await listKeys(store, settings)).split('\n')).toEqual([
        `${own}  HS256  signs (settings)`,
        `${id}  ES256  verifies, and has not signed yet (file, ${now})`,
      ]);
      await use(id);
      const until = new Date(NOW + 60_000).toISOString();
      expect((await listKeys(store, settings)).split('\n')).toEqual([
        `${own}  HS256  verifies; the last of its tokens expires by ${until} (settings)`,
        `${id}  ES256  signs (file, ${now})`,
      ]);
      jest.setSystemTime(NOW + 60_000);
      const expired = `verifies, and can be retired: its tokens have expired by ${until}`;
      expect(await listKeys(store, settings)).toContain(`${own}  HS256  ${expired} (settings)`);
      await retireKey(store, settings, own);
      expect(await listKeys(store, settings)).toContain(`${own}  HS256  is retired (settings)`);
      expect(await listKeys(store, withoutOwn())).toBe(`${id}  ES256  signs (file, ${now})`);
    });
  });

  describe('add', () => {
    it('adds a key that verifies but does not sign yet', async () => {
      const text = await addKey(store, 'ES256');
      const [kid] = content().keys.map((key) => key.kid);
      expect(content().keys).toMatchObject([{ alg: 'ES256' }]);
      expect(text).toBe(
        `${kid} verifies from now on; to sign with it, run: npm run keys -- use ${kid}`,
      );
      expect(content()).toMatchObject({ signing: null, replaced: {}, retired: [] });
    });
  });

  describe('use', () => {
    const verifying = (id: string) => `${id} signs from now on; the other keys still verify`;
    const hint = '; services that use the public keys may not know it for 5 minutes.';

    it('makes a key sign, and records until when tokens of the replaced key are valid', async () => {
      const [one, other] = [await add(), await add()];
      expect(await use(one)).toBe(`${verifying(one)}.`);
      const until = new Date(NOW + 60_000).toISOString();
      expect(content()).toMatchObject({ signing: one, replaced: { [own]: until } });
      jest.setSystemTime(NOW + 5000);
      await use(other);
      const later = new Date(NOW + 65_000).toISOString();
      expect(content().replaced).toEqual({ [own]: until, [one]: later });
    });

    it('records no replaced key if the key signs already, or if no key did', async () => {
      const id = await add();
      await useKey(store, withoutOwn(), { id: id, lifetime: 60 });
      await useKey(store, withoutOwn(), { id: id, lifetime: 60 });
      expect([content().signing, content().replaced]).toEqual([id, {}]);
    });

    it('makes the configured key sign again', async () => {
      await use(await add());
      expect(await use(own)).toBe(`${verifying(own)}.`);
      expect(content().signing).toBeNull();
    });

    it('warns that others may not know a new public key for five minutes', async () => {
      const id = await add('ES256');
      expect(await use(id)).toBe(verifying(id) + hint);
      jest.setSystemTime(NOW + 299_999);
      expect(await use(id)).toBe(verifying(id) + hint);
      jest.setSystemTime(NOW + 300_000);
      expect(await use(id)).toBe(`${verifying(id)}.`);
    });

    it('refuses a key that is missing or was retired', async () => {
      const id = await add();
      await expect(use('other')).rejects.toThrow(noKey('other'));
      await use(id);
      await retireKey(store, settings, own);
      await expect(use(own)).rejects.toThrow(new StartError(`The key ${own} was retired.`));
      expect(content().signing).toBe(id);
    });
  });

  describe('retire', () => {
    const refused = (id: string) => `${id} is retired: its tokens are refused from now on.`;

    it('removes a key of the file and what was recorded of it', async () => {
      const [one, other] = [await add(), await add()];
      await use(one);
      await use(other);
      expect(await retireKey(store, settings, one)).toBe(refused(one));
      expect(content().keys.map(({ kid }) => kid)).toEqual([other]);
      expect(content().retired).toEqual([]);
      expect(Object.keys(content().replaced)).toEqual([own]);
    });

    it('records the id of the configured key once', async () => {
      await use(await add());
      const text = `${refused(own)} Also remove it from the settings.`;
      expect([
        await retireKey(store, settings, own),
        await retireKey(store, settings, own),
      ]).toEqual([text, text]);
      expect([content().retired, content().replaced]).toEqual([[own], {}]);
      expect(content().keys).toHaveLength(1);
    });

    it('retires a configured key that was retired already', async () => {
      await add();
      store.change(({ retired }) => retired.push(own));
      expect(await retireKey(store, settings, own)).toMatch(refused(own));
    });

    it('refuses to retire a key that signs or is missing', async () => {
      const id = await add();
      const signs = (key: string) =>
        new StartError(`The key ${key} signs; choose another signing key first.`);
      await expect(retireKey(store, settings, own)).rejects.toThrow(signs(own));
      await use(id);
      await expect(retireKey(store, settings, id)).rejects.toThrow(signs(id));
      await expect(retireKey(store, settings, 'other')).rejects.toThrow(noKey('other'));
      await expect(retireKey(store, withoutOwn(), own)).rejects.toThrow(noKey(own));
      expect(content()).toMatchObject({ signing: id, retired: [] });
    });
  });
});
