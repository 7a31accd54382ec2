import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LineBuffer } from '../../src/logging/line-buffer.js';

describe('LineBuffer', () => {
  let written: string[];
  let buffer: LineBuffer;

  beforeEach(() => {
    jest.useFakeTimers();
    written = [];
    buffer = new LineBuffer((lines) => written.push(lines));
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('writes lines together, 50 ms after the first of them', () => {
    buffer.add('one\n');
    jest.advanceTimersByTime(49);
    buffer.add('two\n');
    expect(written).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(written).toEqual(['one\ntwo\n']);
    jest.advanceTimersByTime(100);
    expect(written).toHaveLength(1);
  });

  it('writes as soon as there are 16 KiB', () => {
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 15; i++) buffer.add(line);
    expect(written).toEqual([]);
    buffer.add(line);
    expect(written).toEqual([line.repeat(16)]);
    buffer.add('next\n');
    jest.advanceTimersByTime(50);
    expect(written[1]).toBe('next\n');
  });

  it('writes the rest when it is flushed, and nothing if there is none', () => {
    buffer.add('last\n');
    buffer.flush();
    buffer.flush();
    expect(written).toEqual(['last\n']);
  });
});
