import { describe, expect, it } from '@jest/globals';
import { ApiError } from './api-error.js';
import { BoundedQueue } from './bounded-queue.js';

describe('BoundedQueue', () => {
  function gate() {
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    return { open, opened };
  }

  it('runs as many at once as it may, and the others in order', async () => {
    const queue = new BoundedQueue(2, 10, 1);
    const { open, opened } = gate();
    const started: number[] = [];
    const tasks = [0, 1, 2, 3].map((i) =>
      queue.run(async () => {
        started.push(i);
        await opened;
        return i;
      }),
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(started).toEqual([0, 1]);
    open();
    expect(await Promise.all(tasks)).toEqual([0, 1, 2, 3]);
    expect(started).toEqual([0, 1, 2, 3]);
  });

  it('refuses who comes when the line is full, with 503 and Retry-After, and goes on after', async () => {
    const queue = new BoundedQueue(1, 2, 7);
    const { open, opened } = gate();
    const tasks = [1, 2, 3].map(() => queue.run(() => opened));
    const refusal = await queue.run(() => opened).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ApiError);
    expect((refusal as ApiError).getStatus()).toBe(503);
    expect((refusal as ApiError).headers).toEqual({ 'retry-after': '7' });
    open();
    await Promise.all(tasks);
    expect(await queue.run(async () => 'on')).toBe('on');
  });

  it('goes on after a task that fails', async () => {
    const queue = new BoundedQueue(1, 1, 1);
    await expect(queue.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await queue.run(async () => 'on')).toBe('on');
  });
});
