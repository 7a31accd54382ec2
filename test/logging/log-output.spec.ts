import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LogOutput } from '../../src/logging/log-output.js';

const MIB = 1024 * 1024;

describe('LogOutput', () => {
  let written = '';
  /** The number of bytes that can be written until a write fails with `code`. */
  let room = Infinity;
  let code = 'EAGAIN';
  let attempts = 0;
  let output: LogOutput;
  const onLost = jest.fn<(lines: number, cause: string) => void>();

  beforeEach(() => {
    jest.useFakeTimers();
    [written, room, code, attempts] = ['', Infinity, 'EAGAIN', 0];
    onLost.mockClear();
    const write = (bytes: Uint8Array): number => {
      attempts++;
      if (room === 0) throw Object.assign(new Error(code), { code });
      // A pipe accepts as many bytes as it has room for.
      const part = Buffer.from(bytes.subarray(0, Math.min(room, bytes.length)));
      written += String(part);
      room -= part.length;
      return part.length;
    };
    const report = (lines: number, cause: string) => `lost ${lines} (${cause})\n`;
    output = new LogOutput({ write, report, onLost });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('writes each line at once', () => {
    output.write('one\n');
    output.write(Buffer.from('two\n'));
    expect([written, attempts]).toEqual(['one\ntwo\n', 2]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('queues lines for a slow reader, whole and in order', () => {
    room = 6;
    for (const line of ['one\n', 'two\n', 'three\n']) output.write(line);
    expect(written).toBe('one\ntw');
    room = 4;
    jest.advanceTimersByTime(19);
    expect(written).toBe('one\ntw');
    jest.advanceTimersByTime(1);
    expect(written).toBe('one\ntwo\nth');
    output.write('four\n');
    room = Infinity;
    jest.advanceTimersByTime(20);
    output.write('five\n');
    expect(written).toBe('one\ntwo\nthree\nfour\nfive\n');
    expect(onLost).not.toHaveBeenCalled();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('queues 1 MiB for a reader that has stopped, drops later lines, and reports them afterwards', () => {
    room = 0;
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 1024 + 3; i++) output.write(line);
    expect(onLost.mock.calls).toEqual(Array.from({ length: 3 }, () => [1, 'full']));
    room = Infinity;
    jest.advanceTimersByTime(20);
    expect(written).toBe(`${line.repeat(1024)}lost 3 (full)\n`);
    expect(written.length - 'lost 3 (full)\n'.length).toBe(MIB);
    output.write('next\n');
    expect(written.endsWith('lost 3 (full)\nnext\n')).toBe(true);
  });

  it.each(['ENOSPC', 'EPIPE', 'EIO'])('drops and counts lines that fail with %s', (failure) => {
    [room, code] = [0, failure];
    output.write('one\n');
    output.write('two\n  with a stack\n');
    expect(onLost.mock.calls).toEqual([
      [1, failure],
      [2, failure],
    ]);
    expect(jest.getTimerCount()).toBe(0);
    room = Infinity;
    output.write('three\n');
    output.write('four\n');
    expect(written).toBe(`lost 3 (${failure})\nthree\nfour\n`);
  });

  it('ends a partly written line before the next one', () => {
    [room, code] = [2, 'ENOSPC'];
    output.write('one\n');
    output.write('two\n');
    room = 3;
    output.write('three\n');
    room = Infinity;
    output.write('four\n');
    expect(written).toBe('on\nlo\nlost 3 (ENOSPC)\nfour\n');
    expect(onLost).toHaveBeenCalledTimes(3);
  });

  it('drops queued lines if the reader is gone', () => {
    room = 2;
    output.write('one\n');
    output.write('two\n');
    code = 'EPIPE';
    jest.advanceTimersByTime(20);
    expect(onLost.mock.calls).toEqual([
      [1, 'EPIPE'],
      [1, 'EPIPE'],
    ]);
    expect(jest.getTimerCount()).toBe(0);
    room = Infinity;
    output.write('three\n');
    expect(written).toBe('on\nlost 2 (EPIPE)\nthree\n');
  });

  it('writes queued lines when the process ends', () => {
    room = 2;
    output.write('one\n');
    room = Infinity;
    output.flush();
    expect(written).toBe('one\n');
    expect(jest.getTimerCount()).toBe(0);
  });
});
