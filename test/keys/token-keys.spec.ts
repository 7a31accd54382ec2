import { createSecretKey } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { JwtSettings } from '../../src/config/jwt-settings.js';
import { noKeys } from '../../src/keys/key-content.js';
import { KeyRing } from '../../src/keys/key-ring.js';
import { generateKey } from '../../src/keys/stored-key.js';
import { tokenKey } from '../../src/keys/token-key.js';
import { configuredKey, TokenKeys } from '../../src/keys/token-keys.js';

const secret = createSecretKey(Buffer.alloc(32, 'own'));
const own = tokenKey(secret, 'HS256');

describe('configuredKey', () => {
  let folder: string;
  let settings: JwtSettings;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keys-'));
    settings = {
      ...{ key: { key: secret }, algorithm: 'HS256', algorithms: ['HS256', 'HS512'] },
      keyStore: { file: join(folder, 'keys.json') },
    };
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('returns the key of the settings', () => {
    expect(configuredKey({ ...settings, key: null })).toBeNull();
    expect(configuredKey(settings)).toMatchObject({ id: own.id, algorithms: ['HS256', 'HS512'] });
  });

  it('creates a secret file, unless it is told not to', () => {
    const key = { secretFile: join(folder, 'secret') };
    expect(configuredKey({ ...settings, key }, { make: false })).toBeNull();
    expect(readdirSync(folder)).toEqual([]);
    const made = configuredKey({ ...settings, key });
    expect(made?.signing.symmetricKeySize).toBe(86);
    expect(configuredKey({ ...settings, key }, { make: false })?.id).toBe(made!.id);
  });
});

describe('TokenKeys', () => {
  const added = generateKey('HS256');

  class Keys extends TokenKeys {
    ring = new KeyRing(own, noKeys());
    override reload = jest.fn(async () => {
      this.ring = new KeyRing(own, {
        ...noKeys(),
        keys: [added],
        retired: [own.id],
        signing: added.kid,
      });
    });
  }

  it('finds a loaded key without a reload', async () => {
    const keys = new Keys();
    expect(keys.find(own.id)?.id).toBe(own.id);
    expect((await keys.findOrReload(undefined))?.id).toBe(own.id);
    expect(keys.find(added.kid)).toBeUndefined();
    expect(keys.reload).not.toHaveBeenCalled();
    expect(keys.pollInterval).toBeUndefined();
  });

  it('finds a key that was just added after a reload', async () => {
    const keys = new Keys();
    expect((await keys.findOrReload(added.kid))?.id).toBe(added.kid);
    expect(await keys.findOrReload('other')).toBeUndefined();
    expect(keys.reload).toHaveBeenCalledTimes(2);
  });

  it('unseals with a retired key', async () => {
    const keys = new Keys();
    await keys.reload();
    expect(keys.find(own.id)).toBeUndefined();
    expect(keys.findForUnsealing(own.id)?.id).toBe(own.id);
  });
});
