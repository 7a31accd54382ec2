import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { StartError } from '../../src/errors/start-error.js';

const link = jest.fn(fs.linkSync);
const write = jest.fn(fs.writeFileSync);
jest.unstable_mockModule('node:fs', () => ({ ...fs, linkSync: link, writeFileSync: write }));
const { secretOfFile } = await import('../../src/keys/secret-file.js');

describe('secretOfFile', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'secret-'));
    file = join(folder, 'made', 'secret');
  });
  afterEach(() => {
    fs.rmSync(folder, { recursive: true });
    jest.clearAllMocks();
  });

  const textOf = (make: boolean) => secretOfFile(file, make)?.export().toString();

  it('creates no file unless it is told to', () => {
    expect(secretOfFile(file, false)).toBeNull();
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it('creates one file with 64 random bytes for its owner only', () => {
    const text = textOf(true);
    expect(text).toMatch(/^[\w-]{86}$/);
    expect(fs.readFileSync(file, 'utf8')).toBe(`${text}\n`);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.statSync(join(folder, 'made')).mode & 0o777).toBe(0o700);
    expect(fs.readdirSync(join(folder, 'made'))).toEqual(['secret']);
    expect([textOf(true), textOf(false)]).toEqual([text, text]);
    fs.rmSync(file);
    expect(textOf(true)).not.toBe(text);
  });

  it('writes to a new draft with a unique name', () => {
    for (let i = 0; i < 2; i++) {
      textOf(true);
      fs.rmSync(file);
    }
    const [one, other] = write.mock.calls;
    expect([one![2], other![2]]).toEqual([expect.objectContaining({ flag: 'wx' }), other![2]]);
    expect(one![0]).toMatch(new RegExp(`/secret\\.${process.pid}\\.[\\da-f]{8}$`));
    expect(one![0]).not.toBe(other![0]);
  });

  it('uses the file of another process that was faster', () => {
    link.mockImplementationOnce((from, to) => {
      fs.writeFileSync(to, 'x'.repeat(64), { mode: 0o600 });
      fs.linkSync(from, to);
    });
    expect(textOf(true)).toBe('x'.repeat(64));
    expect(fs.readdirSync(join(folder, 'made'))).toEqual(['secret']);
  });

  it('creates no file, and leaves no draft, if the draft cannot be linked', () => {
    link.mockImplementationOnce(() => {
      throw Object.assign(new Error('no links here'), { code: 'EPERM' });
    });
    expect(() => textOf(true)).toThrow('no links here');
    expect(fs.readdirSync(join(folder, 'made'))).toEqual([]);
  });

  it('accepts 64 characters with white space around them', () => {
    file = join(folder, 'secret');
    fs.writeFileSync(file, ` ${'x'.repeat(64)}\n\n`, { mode: 0o600 });
    expect(textOf(false)).toBe('x'.repeat(64));
  });

  it('refuses fewer than 64 characters, and keeps the file', () => {
    file = join(folder, 'secret');
    for (const text of ['x'.repeat(63), '', `${'x'.repeat(63)}\n`]) {
      fs.writeFileSync(file, text, { mode: 0o600 });
      expect(() => textOf(true)).toThrow(
        new StartError(
          `The secret in ${file} is shorter than 64 characters; delete the file to have a new one made (which ends all logins), or set JWT_SECRET_KEY.`,
        ),
      );
      expect(fs.readFileSync(file, 'utf8')).toBe(text);
    }
  });

  it('refuses a file that others may write to', () => {
    file = join(folder, 'secret');
    fs.writeFileSync(file, 'x'.repeat(64));
    fs.chmodSync(file, 0o620);
    expect(() => textOf(true)).toThrow(StartError);
  });

  it('does not replace something that cannot be read', () => {
    file = folder;
    expect(() => textOf(true)).toThrow('EISDIR');
  });
});
