import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { StartError } from '../../src/errors/start-error.js';
import { type KeyContent, noKeys } from '../../src/keys/key-content.js';
import { generateKey } from '../../src/keys/stored-key.js';

/** The calls that change files, in their order. */
const calls: string[] = [];
const fsync = jest.fn(fs.fsyncSync);
const close = jest.fn(fs.closeSync);
const chown = jest.fn<typeof fs.fchownSync>();
const write = jest.fn(fs.writeFileSync);
const opened = new Map<number, string>();
jest.unstable_mockModule('node:fs', () => ({
  ...fs,
  openSync: (...given: Parameters<typeof fs.openSync>) => {
    const handle = fs.openSync(...given);
    opened.set(handle, String(given[0]));
    return handle;
  },
  fsyncSync: (handle: number) => {
    calls.push(`flush ${opened.get(handle)}`);
    fsync(handle);
  },
  closeSync: (handle: number) => {
    calls.push(`close ${opened.get(handle)}`);
    close(handle);
  },
  fchownSync: chown,
  writeFileSync: (...given: Parameters<typeof fs.writeFileSync>) => {
    calls.push(`write ${opened.get(given[0] as number)}`);
    write(...given);
  },
  renameSync: (from: string, to: string) => {
    calls.push(`rename ${from} ${to}`);
    fs.renameSync(from, to);
  },
}));
const { KeyFile } = await import('../../src/keys/key-file.js');

const user = process.getuid?.() ?? 0;
const key = generateKey('HS256');
const empty = { keys: [], signing: null, replaced: {}, retired: [] };
const content: KeyContent = {
  keys: [key],
  signing: key.kid,
  replaced: { old: '2026-01-01T00:00:00.000Z' },
  retired: ['gone'],
};

describe('KeyFile', () => {
  let folder: string;
  let path: string;
  let getuid: jest.SpiedFunction<() => number>;

  beforeEach(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'keys-'));
    path = join(folder, 'keys.json');
    getuid = jest.spyOn(process as { getuid: () => number }, 'getuid');
    getuid.mockReturnValue(user === 0 ? 1000 : user);
    jest.clearAllMocks();
    calls.length = 0;
  });
  afterEach(() => {
    getuid.mockRestore();
    fs.rmSync(folder, { recursive: true });
  });

  const file = () => new KeyFile(path);
  const store = (value: unknown = content, mode = 0o600) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    fs.writeFileSync(path, text);
    fs.chmodSync(path, mode);
  };
  const loop = () => fs.symlinkSync(path, path);
  const modeOf = (name: string) => fs.statSync(name).mode & 0o777;
  const change = (work: (content: KeyContent) => void = () => {}) => file().change(work);

  it('starts with new, empty content', () => {
    expect(noKeys()).toEqual(empty);
    expect(noKeys().keys).not.toBe(noKeys().keys);
  });

  describe('stamp', () => {
    it('returns null if the file is missing', () => {
      expect(file().stamp()).toBeNull();
    });

    it('changes when the file is replaced, even by one of the same size and time', () => {
      store();
      const stamp = file().stamp();
      expect(stamp).toMatch(/^\d+ \d+ \d+ \d+$/);
      expect(file().stamp()).toBe(stamp);
      const { atime, mtime } = fs.statSync(path);
      fs.renameSync(path, `${path}.old`);
      store();
      fs.utimesSync(path, atime, mtime);
      expect(file().stamp()).not.toBe(stamp);
    });

    it('throws if the file cannot be inspected', () => {
      loop();
      const problem = new StartError(`The key file ${path} cannot be accessed (ELOOP).`);
      expect(() => file().stamp()).toThrow(problem);
    });
  });

  describe('read', () => {
    it('returns the stored content', () => {
      store();
      expect(file().read()).toEqual(content);
      store({ ...content, signing: null });
      expect(file().read()).toEqual({ ...content, signing: null });
    });

    it('returns null if the file to read is missing', () => {
      expect(file().read()).toBeNull();
    });

    it('refuses a file that others may write to', () => {
      store(content, 0o620);
      expect(() => file().read()).toThrow(/^Others may write to /);
      expect(() => file().read()).toThrow(StartError);
    });

    it('throws if the file cannot be read', () => {
      path = folder;
      const problem = new StartError(`The key file ${path} cannot be read (EISDIR).`);
      expect(() => file().read()).toThrow(problem);
    });

    it.each<[string, unknown]>([
      ['not JSON', '{'],
      ['a list', []],
      ['null', null],
      ['no keys', { ...content, keys: undefined }],
      ['keys in an object', { ...content, keys: { a: key } }],
      ['a key that is a string', { ...content, keys: [key, 'key'] }],
      ['a key without an id', { ...content, keys: [{ ...key, kid: 1 }] }],
      ['a key with a number for its time', { ...content, keys: [{ ...key, created_at: 7 }] }],
      ['a key without its time', { ...content, keys: [key, { ...key, created_at: null }] }],
      ['no signing key', { ...content, signing: undefined }],
      ['a number as the signing key', { ...content, signing: 7 }],
      ['a list of replaced keys', { ...content, replaced: [] }],
      ['a replaced key without a time', { ...content, replaced: { a: 'never' } }],
      [
        'a replaced key with a number as its time',
        { ...content, replaced: { ...content.replaced, a: 7 } },
      ],
      ['a string as the retired keys', { ...content, retired: 'gone' }],
      ['a retired key that is a number', { ...content, retired: ['gone', 7] }],
    ])('refuses a damaged file: %s', (_, value) => {
      store(value);
      const problem = new StartError(
        `The key file ${path} is damaged; restore it from a backup, or delete it (which ends the logins of its keys).`,
      );
      expect(() => file().read()).toThrow(problem);
    });
  });

  describe('change', () => {
    it('creates the file and its folder for the owner only', () => {
      path = join(folder, 'made', 'keys.json');
      change((found) => {
        expect(found).toEqual(empty);
        found.keys.push(key);
      });
      expect(file().read()).toEqual({ ...empty, keys: [key] });
      expect([modeOf(path), modeOf(join(folder, 'made'))]).toEqual([0o600, 0o700]);
      expect(fs.readdirSync(join(folder, 'made'))).toEqual(['keys.json']);
    });

    it('keeps the content, and indents the JSON', () => {
      store();
      change(({ retired }) => retired.push('more'));
      const changed = { ...content, retired: ['gone', 'more'] };
      expect(fs.readFileSync(path, 'utf8')).toBe(`${JSON.stringify(changed, null, 2)}\n`);
    });

    it('replaces the file atomically, and flushes it and its folder', () => {
      change();
      const draft = `${path}.new`;
      expect(calls).toEqual([
        ...[`write ${draft}`, `flush ${draft}`, `rename ${draft} ${path}`, `close ${draft}`],
        ...[`flush ${folder}`, `close ${folder}`],
      ]);
    });

    it('changes the file even if the folder cannot be flushed', () => {
      fsync.mockImplementationOnce(fs.fsyncSync).mockImplementationOnce(() => {
        throw new Error('EINVAL');
      });
      change();
      expect(file().read()).toEqual(empty);
    });

    it('changes the target of a symbolic link, and keeps the link', () => {
      const target = join(folder, 'target.json');
      fs.symlinkSync(target, path);
      fs.writeFileSync(target, JSON.stringify(content), { mode: 0o600 });
      change(({ retired }) => retired.push('more'));
      expect(fs.lstatSync(path).isSymbolicLink()).toBe(true);
      expect(fs.readFileSync(target, 'utf8')).toContain('"more"');
    });

    it('refuses a symbolic link without a target', () => {
      fs.symlinkSync(join(folder, 'missing'), path);
      const problem = new StartError(`The key file ${path} cannot be changed (ENOENT).`);
      expect(() => change()).toThrow(problem);
    });

    it('keeps the file, and leaves no draft, if the change fails', () => {
      store();
      const fail = () => {
        throw new StartError('There is no key.');
      };
      expect(() => change(fail)).toThrow(new StartError('There is no key.'));
      expect(() => change(({ keys }) => keys.push({ ...key, kid: 'other' }))).toThrow(
        `The stored key other should have the kid ${key.kid}.`,
      );
      expect(file().read()).toEqual(content);
      expect(fs.readdirSync(folder)).toEqual(['keys.json']);
      expect(close).toHaveBeenCalledTimes(2);
    });

    it('leaves no file if the disk is full', () => {
      write.mockImplementationOnce(() => {
        throw Object.assign(new Error(), { code: 'ENOSPC' });
      });
      const problem = new StartError(`The key file ${path} cannot be changed (ENOSPC).`);
      expect(() => change()).toThrow(problem);
      expect(fs.readdirSync(folder)).toEqual([]);
    });

    it('reports the error also if the draft has disappeared', () => {
      const fail = () => {
        fs.rmSync(`${path}.new`);
        throw new Error('a bug');
      };
      const problem = new StartError(`The key file ${path} cannot be changed (unknown error).`);
      expect(() => change(fail)).toThrow(problem);
    });

    it('refuses a concurrent change, and keeps the draft of the other one', () => {
      fs.writeFileSync(`${path}.new`, 'draft');
      expect(() => change()).toThrow(
        new StartError(
          `The keys are being changed by another command; try again, or delete ${path}.new if no command is running.`,
        ),
      );
      expect(fs.readFileSync(`${path}.new`, 'utf8')).toBe('draft');
    });

    it('throws if the draft cannot be created', () => {
      path = join(folder, 'x'.repeat(254));
      const problem = new StartError(`The key file ${path} cannot be changed (ENAMETOOLONG).`);
      expect(() => change()).toThrow(problem);
    });

    it('keeps the read permissions of the file, and adds none', () => {
      store(content, 0o640);
      change();
      expect(modeOf(path)).toBe(0o640);
      fs.chmodSync(path, 0o755);
      change();
      expect(modeOf(path)).toBe(0o640);
      fs.chmodSync(path, 0o600);
      change();
      expect(modeOf(path)).toBe(0o600);
    });

    it('keeps the owner of the file, or of its folder, if root changes it', () => {
      getuid.mockReturnValue(0);
      change();
      const { uid, gid } = fs.statSync(folder);
      expect(chown.mock.calls).toEqual([[expect.any(Number), uid, gid]]);
      // Only root can change the owner of a file.
      if (user !== 0) return;
      fs.chownSync(path, 0, gid + 1);
      change();
      expect(chown.mock.lastCall).toEqual([expect.any(Number), 0, gid + 1]);
    });

    it('does not change the owner of the file without root', () => {
      change();
      change();
      expect(chown).not.toHaveBeenCalled();
    });
  });
});
