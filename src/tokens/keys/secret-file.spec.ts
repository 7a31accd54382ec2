import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StartError } from '../../common/start-error.js';
import { secretOfFile } from './secret-file.js';

describe('The file of a secret', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'secret-'));
    file = join(folder, 'made', 'secret');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const textOf = (make: boolean) => secretOfFile(file, make)?.export().toString();

  it('is not made unless it is asked for', () => {
    expect(secretOfFile(file, false)).toBeNull();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is made once, with 64 random bytes, for its owner alone, and nothing beside it', () => {
    const text = textOf(true);
    expect(text).toMatch(/^[\w-]{86}$/);
    expect(readFileSync(file, 'utf8')).toBe(`${text}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'made')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'made'))).toEqual(['secret']);
    expect([textOf(true), textOf(false)]).toEqual([text, text]);
    rmSync(file);
    expect(textOf(true)).not.toBe(text);
  });

  it('may hold 64 characters, and spaces around them', () => {
    file = join(folder, 'secret');
    writeFileSync(file, ` ${'x'.repeat(64)}\n\n`, { mode: 0o600 });
    expect(textOf(false)).toBe('x'.repeat(64));
  });

  it('is refused if it holds fewer characters, and stays as it is', () => {
    file = join(folder, 'secret');
    for (const text of ['x'.repeat(63), '', `${'x'.repeat(63)}\n`]) {
      writeFileSync(file, text, { mode: 0o600 });
      expect(() => textOf(true)).toThrow(
        new StartError(
          `The secret in ${file} is shorter than 64 characters; delete the file to have a new one made (which ends all logins), or set JWT_SECRET_KEY.`,
        ),
      );
      expect(readFileSync(file, 'utf8')).toBe(text);
    }
  });

  it('is refused if others may write to it', () => {
    file = join(folder, 'secret');
    writeFileSync(file, 'x'.repeat(64));
    chmodSync(file, 0o620);
    expect(() => textOf(true)).toThrow(StartError);
  });

  it('is not made in place of something that cannot be read', () => {
    file = folder;
    expect(() => textOf(true)).toThrow('EISDIR');
  });
});
