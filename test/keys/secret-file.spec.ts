import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { StartError } from '../../src/errors/start-error.js';

const link = jest.fn(fs.linkSync);
const write = jest.fn(fs.writeFileSync);
jest.unstable_mockModule('node:fs', () => ({ ...fs, linkSync: link, writeFileSync: write }));
const { secretOfFile } = await import('../../src/keys/secret-file.js');

describe('The file of a secret', () => {
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

  it('is not made unless it is asked for', () => {
    expect(secretOfFile(file, false)).toBeNull();
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it('is made once, with 64 random bytes, for its owner alone, and nothing beside it', () => {
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

  it('is written to a draft of its own, which is never one that is there', () => {
    for (let i = 0; i < 2; i++) {
      textOf(true);
      fs.rmSync(file);
    }
    const [one, other] = write.mock.calls;
    expect([one![2], other![2]]).toEqual([expect.objectContaining({ flag: 'wx' }), other![2]]);
    expect(one![0]).toMatch(new RegExp(`/secret\\.${process.pid}\\.[\\da-f]{8}$`));
    expect(one![0]).not.toBe(other![0]);
  });

  it('is the one of another process that was faster', () => {
    link.mockImplementationOnce((from, to) => {
      fs.writeFileSync(to, 'x'.repeat(64), { mode: 0o600 });
      fs.linkSync(from, to);
    });
    expect(textOf(true)).toBe('x'.repeat(64));
    expect(fs.readdirSync(join(folder, 'made'))).toEqual(['secret']);
  });

  it('is not made where it cannot be linked, and leaves no draft', () => {
    link.mockImplementationOnce(() => {
      throw Object.assign(new Error('no links here'), { code: 'EPERM' });
    });
    expect(() => textOf(true)).toThrow('no links here');
    expect(fs.readdirSync(join(folder, 'made'))).toEqual([]);
  });

  it('may hold 64 characters, and spaces around them', () => {
    file = join(folder, 'secret');
    fs.writeFileSync(file, ` ${'x'.repeat(64)}\n\n`, { mode: 0o600 });
    expect(textOf(false)).toBe('x'.repeat(64));
  });

  it('is refused if it holds fewer characters, and stays as it is', () => {
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

  it('is refused if others may write to it', () => {
    file = join(folder, 'secret');
    fs.writeFileSync(file, 'x'.repeat(64));
    fs.chmodSync(file, 0o620);
    expect(() => textOf(true)).toThrow(StartError);
  });

  it('is not made in place of something that cannot be read', () => {
    file = folder;
    expect(() => textOf(true)).toThrow('EISDIR');
  });
});
