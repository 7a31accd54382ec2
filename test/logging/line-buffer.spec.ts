import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LineBuffer } from '../../src/logging/line-buffer.js';

describe('LineBuffer', () => {
  let written: string[];
  let buffer: LineBuffer<string>;

  beforeEach(() => {
    jest.useFakeTimers();
    written = [];
    buffer = new LineBuffer(
      (entry) => `${entry}\n`,
      (lines) => written.push(lines),
    );
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('writes lines together, 50 ms after the first of them', () => {
    buffer.add('one');
    jest.advanceTimersByTime(49);
    buffer.add('two');
    expect(written).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(written).toEqual(['one\ntwo\n']);
    jest.advanceTimersByTime(100);
    expect(written).toHaveLength(1);
  });

  it('writes as soon as there are 192 lines', () => {
    for (let i = 0; i < 191; i++) buffer.add('line');
    expect(written).toEqual([]);
    buffer.add('line');
    expect(written).toEqual(['line\n'.repeat(192)]);
    buffer.add('next');
    jest.advanceTimersByTime(50);
    expect(written[1]).toBe('next\n');
  });

  it('writes the rest when it is flushed, and nothing if there is none', () => {
    buffer.add('last');
    buffer.flush();
    buffer.flush();
    expect(written).toEqual(['last\n']);
  });
});
