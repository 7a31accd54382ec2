import { describe, expect, it } from '@jest/globals';
import { firstLines } from '../../src/logging/process-output.js';

describe('firstLines', () => {
  const lineOf = (bytes: number) => `${'x'.repeat(bytes - 1)}\n`;
  const lengthOf = (text: string) => firstLines(Buffer.from(text)).length;

  it('returns everything up to the 4,096 bytes that a pipe takes at once', () => {
    expect(lengthOf(lineOf(2048) + lineOf(2048))).toBe(4096);
    expect(lengthOf('no line break')).toBe(13);
  });

  it('returns whole lines only if there is more', () => {
    expect(lengthOf(lineOf(1000).repeat(5))).toBe(4000);
    expect(lengthOf(lineOf(4096) + lineOf(10))).toBe(4096);
  });

  it('returns a line that is longer as it is', () => {
    expect(lengthOf(lineOf(5000) + lineOf(10))).toBe(5000);
    expect(lengthOf('x'.repeat(5000))).toBe(5000);
  });
});
