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

  beforeEach(() => {
    jest.useFakeTimers({ now: NOW });
    folder = mkdtempSync(join(tmpdir(), 'keys-'));
    settings = {
      ...{ key: { key: secret }, algorithm: 'HS256', algorithms: ['HS256'] },
      keysFile: join(folder, 'keys.json'),
    };
  });
  afterEach(() => {
    jest.useRealTimers();
    rmSync(folder, { recursive: true });
  });

  const add = (algorithm: 'HS256' | 'ES256' = 'HS256') =>
    addKey(settings, algorithm).split(' ')[0]!;
  const use = (id: string) => useKey(settings, id, 60);
  const content = () => new KeyFile(settings.keysFile).read()!;
  const withoutOwn = () => ({ ...settings, key: null });
  const noKey = (id: string) => new StartError(`There is no key ${id}; see: npm run keys -- list`);

  describe('list', () => {
    it('reports that there are no keys', () => {
      expect(listKeys(withoutOwn())).toBe('There are no keys.');
    });

    it('creates no secret', () => {
      const key = { secretFile: join(folder, 'secret') };
      expect(listKeys({ ...settings, key })).toBe('There are no keys.');
      expect(() => useKey({ ...settings, key }, 'other', 60)).toThrow(noKey('other'));
      expect(readdirSync(folder)).toEqual([]);
    });

    it('lists the origin and the state of each key', () => {
      expect(listKeys(settings)).toBe(`${own}  HS256  signs (settings)`);
      const id = add('ES256');
      expect(listKeys(settings).split('\n')).toEqual([
        `${own}  HS256  signs (settings)`,
        `${id}  ES256  verifies, and has not signed yet (file, ${now})`,
      ]);
      use(id);
      const until = new Date(NOW + 60_000).toISOString();
      expect(listKeys(settings).split('\n')).toEqual([
        `${own}  HS256  verifies; the last of its tokens expires by ${until} (settings)`,
        `${id}  ES256  signs (file, ${now})`,
      ]);
      jest.setSystemTime(NOW + 60_000);
      const expired = `verifies, and can be retired: its tokens have expired by ${until}`;
      expect(listKeys(settings)).toContain(`${own}  HS256  ${expired} (settings)`);
      retireKey(settings, own);
      expect(listKeys(settings)).toContain(`${own}  HS256  is retired (settings)`);
      expect(listKeys(withoutOwn())).toBe(`${id}  ES256  signs (file, ${now})`);
    });
  });

  describe('add', () => {
    it('adds a key that verifies but does not sign yet', () => {
      const text = addKey(settings, 'ES256');
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

    it('makes a key sign, and records until when tokens of the replaced key are valid', () => {
      const [one, other] = [add(), add()];
      expect(use(one)).toBe(`${verifying(one)}.`);
      const until = new Date(NOW + 60_000).toISOString();
      expect(content()).toMatchObject({ signing: one, replaced: { [own]: until } });
      jest.setSystemTime(NOW + 5000);
      use(other);
      const later = new Date(NOW + 65_000).toISOString();
      expect(content().replaced).toEqual({ [own]: until, [one]: later });
    });

    it('records no replaced key if the key signs already, or if no key did', () => {
      const id = add();
      useKey(withoutOwn(), id, 60);
      useKey(withoutOwn(), id, 60);
      expect([content().signing, content().replaced]).toEqual([id, {}]);
    });

    it('makes the configured key sign again', () => {
      use(add());
      expect(use(own)).toBe(`${verifying(own)}.`);
      expect(content().signing).toBeNull();
    });

    it('warns that others may not know a new public key for five minutes', () => {
      const id = add('ES256');
      expect(use(id)).toBe(verifying(id) + hint);
      jest.setSystemTime(NOW + 299_999);
      expect(use(id)).toBe(verifying(id) + hint);
      jest.setSystemTime(NOW + 300_000);
      expect(use(id)).toBe(`${verifying(id)}.`);
    });

    it('refuses a key that is missing or was retired', () => {
      const id = add();
      expect(() => use('other')).toThrow(noKey('other'));
      use(id);
      retireKey(settings, own);
      expect(() => use(own)).toThrow(new StartError(`The key ${own} was retired.`));
      expect(content().signing).toBe(id);
    });
  });

  describe('retire', () => {
    const refused = (id: string) => `${id} is retired: its tokens are refused from now on.`;

    it('removes a key of the file and what was recorded of it', () => {
      const [one, other] = [add(), add()];
      use(one);
      use(other);
      expect(retireKey(settings, one)).toBe(refused(one));
      expect(content().keys.map(({ kid }) => kid)).toEqual([other]);
      expect(content().retired).toEqual([]);
      expect(Object.keys(content().replaced)).toEqual([own]);
    });

    it('records the id of the configured key once', () => {
      use(add());
      const text = `${refused(own)} Also remove it from the settings.`;
      expect([retireKey(settings, own), retireKey(settings, own)]).toEqual([text, text]);
      expect([content().retired, content().replaced]).toEqual([[own], {}]);
      expect(content().keys).toHaveLength(1);
    });

    it('retires a configured key that was retired already', () => {
      add();
      new KeyFile(settings.keysFile).change(({ retired }) => retired.push(own));
      expect(retireKey(settings, own)).toMatch(refused(own));
    });

    it('refuses to retire a key that signs or is missing', () => {
      const id = add();
      const signs = (key: string) =>
        new StartError(`The key ${key} signs; choose another signing key first.`);
      expect(() => retireKey(settings, own)).toThrow(signs(own));
      use(id);
      expect(() => retireKey(settings, id)).toThrow(signs(id));
      expect(() => retireKey(settings, 'other')).toThrow(noKey('other'));
      expect(() => retireKey(withoutOwn(), own)).toThrow(noKey(own));
      expect(content()).toMatchObject({ signing: id, retired: [] });
    });
  });
});
