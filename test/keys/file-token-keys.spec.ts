import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createSecretKey } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { StartError } from '../../src/errors/start-error.js';
import type { JwtSettings } from '../../src/config/jwt-settings.js';
import { FileTokenKeys } from '../../src/keys/file-token-keys.js';
import { KeyFile } from '../../src/keys/key-file.js';
import { generateKey } from '../../src/keys/stored-key.js';
import { tokenKey } from '../../src/keys/token-key.js';

const secret = createSecretKey(Buffer.alloc(32, 'own'));
const own = tokenKey(secret, 'HS256');
const [first, second] = [generateKey('HS256'), generateKey('HS384')];

describe('FileTokenKeys', () => {
  let folder: string;
  let file: string;
  let settings: JwtSettings;
  let time: number;
  let log: jest.SpiedFunction<Logger['log']>;
  let warn: jest.SpiedFunction<Logger['warn']>;
  let error: jest.SpiedFunction<Logger['error']>;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keys-'));
    const algorithms = ['HS256', 'HS512'] as const;
    file = join(folder, 'keys.json');
    settings = {
      ...{ key: { key: secret }, algorithm: 'HS256', algorithms: [...algorithms] },
      keyStore: { file },
    };
    time = 5000;
    jest.spyOn(performance, 'now').mockImplementation(() => time);
    log = jest.spyOn(Logger.prototype, 'log').mockReturnValue();
    warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
    error = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
  });
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });

  const change = (...[work]: Parameters<KeyFile['change']>) => new KeyFile(file).change(work);
  const store = (key = first) => change(({ keys }) => keys.push(key));
  const checksDuring = (work: () => void) => {
    const stamp = jest.spyOn(KeyFile.prototype, 'stamp');
    work();
    const { length } = stamp.mock.calls;
    stamp.mockRestore();
    return length;
  };

  it('holds the configured key and the keys of the file', () => {
    store();
    const keys = new FileTokenKeys(settings, file);
    expect(keys.ring.signing).toMatchObject({ id: own.id, algorithms: ['HS256', 'HS512'] });
    expect(keys.find(own.id)?.id).toBe(own.id);
    expect(keys.find(undefined)?.id).toBe(own.id);
    expect(keys.find(first.kid)?.id).toBe(first.kid);
    expect(keys.findForUnsealing(first.kid)?.id).toBe(first.kid);
  });

  it('throws without a key in the settings and in the file', () => {
    expect(() => new FileTokenKeys({ ...settings, key: null }, file)).toThrow(StartError);
  });

  it('checks the file again after a tenth of a second', () => {
    const keys = new FileTokenKeys(settings, file);
    change((content) => {
      content.keys.push(second);
      content.signing = second.kid;
    });
    time += 99;
    expect(keys.ring.signing.id).toBe(own.id);
    time += 1;
    expect(keys.ring.signing.id).toBe(second.kid);
    expect(log.mock.calls).toEqual([[`The keys have changed: ${second.kid} (HS384) signs`]]);
    time += 99;
    expect(checksDuring(() => keys.ring)).toBe(0);
    time += 1;
    expect(checksDuring(() => keys.ring)).toBe(1);
  });

  it('loads the keys once for each change of the file', () => {
    store();
    const keys = new FileTokenKeys(settings, file);
    const { ring } = keys;
    time += 100;
    expect(keys.ring).toBe(ring);
    store(second);
    time += 100;
    const { ring: next } = keys;
    expect(next).not.toBe(ring);
    time += 100;
    expect(keys.ring).toBe(next);
    expect(log).toHaveBeenCalledTimes(1);
  });

  it('checks the file at once for an unknown id', async () => {
    const keys = new FileTokenKeys(settings, file);
    expect(await keys.findOrReload(first.kid)).toBeUndefined();
    store();
    expect(keys.find(first.kid)).toBeUndefined();
    expect((await keys.findOrReload(first.kid))?.id).toBe(first.kid);
    expect(keys.find(first.kid)?.id).toBe(first.kid);
    expect(checksDuring(() => void keys.findOrReload(first.kid))).toBe(0);
    expect(checksDuring(() => void keys.findOrReload('other'))).toBe(1);
  });

  it('unseals with a retired key', () => {
    store();
    change((content) => {
      content.signing = first.kid;
      content.retired.push(own.id);
    });
    const keys = new FileTokenKeys(settings, file);
    expect(keys.find(own.id)).toBeUndefined();
    expect(keys.findForUnsealing(own.id)?.id).toBe(own.id);
  });

  describe('FileTokenKeys with a broken file', () => {
    let keys: FileTokenKeys;
    beforeEach(() => {
      store();
      keys = new FileTokenKeys(settings, file);
    });
    const later = () => {
      time += 100;
      return keys.ring.find(first.kid)?.id;
    };

    it('keeps the keys while the file is damaged, and logs each change once', () => {
      writeFileSync(file, '{', { mode: 0o600 });
      expect([later(), later()]).toEqual([first.kid, first.kid]);
      const problem = expect.stringMatching(
        /^The keys were not reloaded: The key file .* is damaged/,
      );
      expect(error.mock.calls).toEqual([[problem]]);
      writeFileSync(file, '{{');
      later();
      expect(error).toHaveBeenCalledTimes(2);
      expect(log).not.toHaveBeenCalled();
    });

    it('keeps the keys while the file is missing', () => {
      rmSync(file);
      expect(later()).toBe(first.kid);
      const problem = `The keys were not reloaded: The key file ${file} has vanished.`;
      expect(error.mock.calls).toEqual([[problem]]);
    });

    it('keeps the keys while the key that should sign is missing', () => {
      const content = { keys: [], signing: first.kid, replaced: {}, retired: [] };
      writeFileSync(file, JSON.stringify(content));
      expect(later()).toBe(first.kid);
    });

    it('does not check a broken file for unknown ids', () => {
      writeFileSync(file, '{');
      later();
      expect(checksDuring(() => void keys.reload())).toBe(0);
      rmSync(file);
      store(second);
      time += 100;
      expect(keys.find(second.kid)?.id).toBe(second.kid);
      expect(checksDuring(() => void keys.reload())).toBe(1);
      // The same problem is logged again after the file was valid.
      expect(error).toHaveBeenCalledTimes(1);
      rmSync(file);
      later();
      store(second);
      time += 100;
      expect(keys.ring.find(second.kid)?.id).toBe(second.kid);
      rmSync(file);
      later();
      expect(error).toHaveBeenCalledTimes(3);
    });

    it('checks a broken file again only after a tenth of a second', () => {
      writeFileSync(file, '{');
      later();
      expect(checksDuring(() => keys.ring)).toBe(0);
    });
  });

  it('warns if others may read the key file', () => {
    store();
    new FileTokenKeys(settings, file);
    expect(warn).not.toHaveBeenCalled();
    chmodSync(file, 0o640);
    const keys = new FileTokenKeys(settings, file);
    const warning = `Others may read ${file}; run: chmod 600 ${file}`;
    expect(warn.mock.calls).toEqual([[warning]]);
    store(second);
    time += 100;
    expect(keys.ring.find(second.kid)).toBeDefined();
    expect(warn.mock.calls).toEqual([[warning], [warning]]);
  });

  it('warns if others may read the secret file', () => {
    const secretFile = join(folder, 'secret');
    writeFileSync(secretFile, 'x'.repeat(64));
    chmodSync(secretFile, 0o644);
    new FileTokenKeys({ ...settings, key: { secretFile } }, file);
    expect(warn.mock.calls).toEqual([
      [`Others may read ${secretFile}; run: chmod 600 ${secretFile}`],
    ]);
  });
});
