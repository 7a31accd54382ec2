import { getEventListeners } from 'node:events';
import { describe, expect, it, jest } from '@jest/globals';
import { ApiError } from '../../src/errors/api-error.js';
import { FairQueue, type FairQueueOptions } from '../../src/scheduling/fair-queue.js';

// A task that the queue loses never ends, so that its test times out.
jest.setTimeout(2000);

const anyNumber = { maxQueued: 1000, maxQueuedPerKey: 1000, retryAfter: 7 };

/** A queue, the names of its tasks in order of their start, and functions to add and end tasks. */
function queueWith(options: Partial<FairQueueOptions> = {}) {
  const queue = new FairQueue({ concurrency: 1, ...anyNumber, ...options });
  const started: string[] = [];
  const ends: (() => void)[] = [];
  const add = (group: string | string[], name: string, key?: string, signal?: AbortSignal) =>
    queue.run(
      { group, key },
      () => {
        started.push(name);
        return new Promise<string>((resolve) => ends.push(() => resolve(name)));
      },
      signal,
    );
  const endAll = async () => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    while (ends.length > 0) {
      ends.shift()!();
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    }
  };
  return { queue, started, add, endAll };
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

async function refusal(
  run: Promise<unknown>,
): Promise<[status: number, retryAfter: string | undefined]> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiError);
  const { kind, headers } = error as ApiError;
  return [kind.status, headers['retry-after']];
}

describe('FairQueue', () => {
  it('runs at most `concurrency` tasks at once', async () => {
    const { started, add, endAll } = queueWith({ concurrency: 2 });
    const tasks = range(4).map((i) => add('a', `a${i}`));
    expect(started).toEqual(['a0', 'a1']);
    await endAll();
    expect(await Promise.all(tasks)).toEqual(['a0', 'a1', 'a2', 'a3']);
    expect(started).toEqual(['a0', 'a1', 'a2', 'a3']);
  });

  it('lets groups take turns, and keeps the order within each group', async () => {
    const { started, add, endAll } = queueWith();
    const tasks = [
      ...range(3).map((i) => add('a', `a${i}`)),
      ...range(3).map((i) => add('b', `b${i}`)),
      ...range(2).map((i) => add('c', `c${i}`)),
    ];
    await endAll();
    await Promise.all(tasks);
    expect(started).toEqual(['a0', 'b0', 'a1', 'c0', 'b1', 'a2', 'c1', 'b2']);
  });

  it('starts the only task of a group right after the running task of a group with a hundred', async () => {
    const { started, add, endAll } = queueWith();
    const tasks = range(100).map((i) => add('a', `a${i}`));
    tasks.push(add('b', 'b0'));
    await endAll();
    await Promise.all(tasks);
    expect(started.indexOf('b0')).toBe(1);
  });

  it('gives the next free place to another group if one group has all places', async () => {
    const { started, add, endAll } = queueWith({ concurrency: 2 });
    const tasks = range(10).map((i) => add('a', `a${i}`));
    tasks.push(add('b', 'b0'));
    await endAll();
    await Promise.all(tasks);
    expect(started.indexOf('b0')).toBe(2);
  });

  it('refuses a key that has too many queued tasks in all groups with 429 and Retry-After', async () => {
    const { add, endAll } = queueWith({ maxQueuedPerKey: 2 });
    const tasks = [add('x', 'running', 'k'), add('a', '1', 'k'), add('b', '2', 'k')];
    expect(await refusal(add('c', '3', 'k'))).toEqual([429, '7']);
    tasks.push(add('c', '4', 'another'));
    await endAll();
    expect(await Promise.all(tasks)).toEqual(['running', '1', '2', '4']);
    tasks.push(add('c', '5', 'k'));
    await endAll();
    expect(await tasks.at(-1)).toBe('5');
  });

  it('bounds tasks without a key by their group', async () => {
    const { add, endAll } = queueWith({ maxQueuedPerKey: 1 });
    const tasks = [add('a', 'running'), add('a', '1')];
    expect(await refusal(add('a', '2'))).toEqual([429, '7']);
    tasks.push(add('b', '3'));
    await endAll();
    expect(await Promise.all(tasks)).toEqual(['running', '1', '3']);
  });

  it('refuses a further task of a group that fills the queue with 503 and Retry-After', async () => {
    const { add, endAll } = queueWith({ maxQueued: 2 });
    const tasks = range(3).map((i) => add('a', `a${i}`));
    expect(await refusal(add('a', 'a3'))).toEqual([503, '7']);
    await endAll();
    expect(await Promise.all(tasks)).toEqual(['a0', 'a1', 'a2']);
    tasks.push(add('a', 'a4'));
    await endAll();
    expect(await tasks.at(-1)).toBe('a4');
  });

  it('displaces the newest task of the longest group for a task of another group if the queue is full', async () => {
    const { started, add, endAll } = queueWith({ maxQueued: 3 });
    const tasks = range(3).map((i) => add('a', `a${i}`));
    const displaced = refusal(add('a', 'a3'));
    tasks.push(add('b', 'b0'));
    expect(await displaced).toEqual([503, '7']);
    // No group has more tasks queued than `b` would have with this one.
    expect(await refusal(add('b', 'b1'))).toEqual([503, '7']);
    await endAll();
    await Promise.all(tasks);
    expect(started).toEqual(['a0', 'b0', 'a1', 'a2']);
  });

  it('lets groups at each level take turns', async () => {
    const { started, add, endAll } = queueWith();
    const tasks = [
      add('other', 'running'),
      ...['a1', 'a1', 'a2', 'a3'].map((group, i) => add(['a', group], `${group}-${i}`)),
      ...['b1', 'b2'].map((group) => add(['b', group], group)),
    ];
    await endAll();
    await Promise.all(tasks);
    expect(started).toEqual(['running', 'a1-0', 'b1', 'a2-2', 'b2', 'a3-3', 'a1-1']);
  });

  it('starts a task of another network after one task of a /48 with tasks of 200 /64s', async () => {
    const { started, add, endAll } = queueWith();
    const tasks = range(200).map((i) => add(['p', 'p:1', `p:1:${i}`], `flood ${i}`));
    tasks.push(add(['p', 'p:2', 'p:2:0'], 'same provider'));
    tasks.push(add(['q', 'q:1', 'q:1:0'], 'elsewhere'));
    await endAll();
    await Promise.all(tasks);
    expect(started.slice(1, 4).sort()).toEqual(['elsewhere', 'flood 1', 'same provider']);
  });

  it('gives the next free place to another wide group if the narrow groups of one have all places', async () => {
    const { started, add, endAll } = queueWith({ concurrency: 3 });
    const tasks = range(10).map((i) => add(['a', `a${i}`], `a${i}`));
    tasks.push(add(['b', 'b0'], 'b0'));
    await endAll();
    await Promise.all(tasks);
    expect(started.indexOf('b0')).toBe(3);
  });

  it('displaces the newest task of a full queue of single tasks for a task of another /48', async () => {
    const { started, add, endAll } = queueWith({ maxQueued: 5 });
    const tasks = range(5).map((i) => add(['p', 'p:1', `p:1:${i}`], `a${i}`));
    const displaced = refusal(add(['p', 'p:1', 'p:1:5'], 'a5'));
    tasks.push(add(['p', 'p:2', 'p:2:0'], 'b'));
    expect(await displaced).toEqual([503, '7']);
    const alsoDisplaced = refusal(tasks.splice(4, 1)[0]!);
    tasks.push(add(['q', 'q:1', 'q:1:0'], 'c'));
    expect(await alsoDisplaced).toEqual([503, '7']);
    expect(await refusal(add(['p', 'p:1', 'p:1:6'], 'a6'))).toEqual([503, '7']);
    await endAll();
    await Promise.all(tasks);
    expect(started).toEqual(['a0', 'c', 'a1', 'b', 'a2', 'a3']);
  });

  it('displaces the newest task of the longest narrow group for a task of a group beside it', async () => {
    const { started, add, endAll } = queueWith({ maxQueued: 4 });
    const tasks = [add('other', 'running')];
    tasks.push(add(['b', 'b0'], 'b0'), ...range(2).map((i) => add(['a', 'a0'], `a0-${i}`)));
    const displaced = refusal(add(['a', 'a0'], 'a0-2'));
    tasks.push(add(['a', 'a1'], 'a1'));
    expect(await displaced).toEqual([503, '7']);
    await endAll();
    await Promise.all(tasks);
    expect(started).toEqual(['running', 'b0', 'a0-0', 'a1', 'a0-1']);
  });

  it('bounds tasks without a key by the whole path of their groups', async () => {
    const { add, endAll } = queueWith({ maxQueuedPerKey: 1 });
    const tasks = [add(['a', '1'], 'running'), add(['a', '1'], '1'), add(['a', '2'], '2')];
    expect(await refusal(add(['a', '1'], '3'))).toEqual([429, '7']);
    await endAll();
    expect(await Promise.all(tasks)).toEqual(['running', '1', '2']);
  });

  it('keeps no group without tasks', async () => {
    const { queue, add, endAll } = queueWith({ maxQueued: 2, maxQueuedPerKey: 1 });
    const gone = new AbortController();
    const tasks = [add(['a', '1'], 'running'), add(['b', '1'], 'b')];
    const aborted = refusal(add(['c', '1'], 'c', undefined, gone.signal));
    gone.abort();
    await aborted;
    await refusal(add(['b', '1'], 'too many of the key'));
    expect([...queue['root'].children.keys()]).toEqual(['a', 'b']);
    await endAll();
    await Promise.all(tasks);
    expect(queue['root'].children.size).toBe(0);
  });

  it('never runs a task whose signal aborts before its turn, and frees its place', async () => {
    const { started, add, endAll } = queueWith({ maxQueued: 1 });
    const [running, gone, late] = [
      new AbortController(),
      new AbortController(),
      AbortSignal.abort(),
    ];
    const first = add('a', 'a0', undefined, running.signal);
    const second = refusal(add('a', 'a1', undefined, gone.signal));
    gone.abort();
    expect((await second)[0]).toBe(503);
    const third = add('a', 'a2');
    running.abort();
    expect((await refusal(add('b', 'b0', undefined, late)))[0]).toBe(503);
    await endAll();
    expect(await Promise.all([first, third])).toEqual(['a0', 'a2']);
    expect(started).toEqual(['a0', 'a2']);
  });

  it('runs at most maxRunningPerGroup tasks of one group at once, and leaves places to others', async () => {
    const { started, add, endAll } = queueWith({ concurrency: 4, maxRunningPerGroup: 2 });
    const runs = range(4).map((i) => add('a', `a${i}`));
    runs.push(...range(3).map((i) => add('b', `b${i}`)));
    expect(started).toEqual(['a0', 'a1', 'b0', 'b1']);
    await endAll();
    await Promise.all(runs);
    expect(started.slice(4)).toEqual(['a2', 'a3', 'b2']);
  });

  it.each([[['a']], [['a', 'b']]])(
    'gives the place of a group that runs maxRunningPerGroup tasks to its own next task',
    async (path) => {
      const { add, endAll } = queueWith({ concurrency: 2, maxRunningPerGroup: 1 });
      const runs = range(3).map((i) => add(path, `a${i}`));
      await endAll();
      expect(await Promise.all(runs)).toEqual(['a0', 'a1', 'a2']);
    },
  );

  it('starts tasks of other groups while one group runs maxRunningPerGroup tasks', async () => {
    const { started, add, endAll } = queueWith({ concurrency: 3, maxRunningPerGroup: 1 });
    const runs = [add('a', 'a0'), add('a', 'a1'), add('b', 'b0'), add('c', 'c0'), add('d', 'd0')];
    expect(started).toEqual(['a0', 'b0', 'c0']);
    await endAll();
    await Promise.all(runs);
    expect(started).toHaveLength(5);
  });

  it('never runs a task whose signal has already aborted, even if a place is free', async () => {
    const { started, add } = queueWith();
    expect((await refusal(add('a', 'a0', undefined, AbortSignal.abort())))[0]).toBe(503);
    expect(started).toEqual([]);
  });

  it('gives no turn if the signal has already aborted when a task would have to wait', async () => {
    const { queue } = queueWith();
    const end = await queue.enter({ group: 'a' });
    const turn = queue.enter({ group: 'a' }, () => AbortSignal.abort()) as Promise<never>;
    expect((await refusal(turn))[0]).toBe(503);
    expect(queue.queued).toBe(0);
    end();
    expect(queue.running).toBe(0);
  });

  it('loses no other task if the signal of a displaced task aborts at the same time', async () => {
    const { add, endAll } = queueWith({ maxQueued: 3 });
    const tasks = range(3).map((i) => add('a', `a${i}`));
    const controller = new AbortController();
    const displaced = refusal(add('a', 'a3', undefined, controller.signal));
    tasks.push(add('b', 'b0'));
    controller.abort();
    expect((await displaced)[0]).toBe(503);
    await endAll();
    expect(await Promise.all(tasks)).toEqual(['a0', 'a1', 'a2', 'b0']);
  });

  it('runs the last task of a group after an earlier one was aborted', async () => {
    const { add, endAll } = queueWith();
    const controller = new AbortController();
    const first = add('a', 'a0');
    const aborted = refusal(add('a', 'a1', undefined, controller.signal));
    const last = add('a', 'a2');
    controller.abort();
    expect((await aborted)[0]).toBe(503);
    await endAll();
    expect(await Promise.all([first, last])).toEqual(['a0', 'a2']);
  });

  it('does not count an aborted task for its key', async () => {
    const { add, endAll } = queueWith({ maxQueuedPerKey: 1 });
    const controller = new AbortController();
    const first = add('a', 'a0');
    const aborted = refusal(add('a', 'a1', 'k', controller.signal));
    controller.abort();
    expect((await aborted)[0]).toBe(503);
    const next = add('a', 'a2', 'k');
    expect((await refusal(add('a', 'a3', 'k')))[0]).toBe(429);
    await endAll();
    expect(await Promise.all([first, next])).toEqual(['a0', 'a2']);
  });

  it('keeps running after the only task of a group was aborted', async () => {
    const { add, endAll } = queueWith();
    const controller = new AbortController();
    const first = add('a', 'a0');
    const aborted = refusal(add('b', 'b0', undefined, controller.signal));
    controller.abort();
    expect((await aborted)[0]).toBe(503);
    await endAll();
    expect(await first).toBe('a0');
  });

  it('leaves no listener on the signal of a task that was queued', async () => {
    const { add, endAll } = queueWith();
    const { signal } = new AbortController();
    const tasks = [add('a', 'a0'), add('a', 'a1', undefined, signal)];
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await endAll();
    await Promise.all(tasks);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('displaces a task of the longest group, whatever its position in the order of turns', async () => {
    const { add, endAll } = queueWith({ maxQueued: 5 });
    const tasks = range(4).map((i) => add('a', `a${i}`));
    const displaced = refusal(add('a', 'a4'));
    tasks.push(add('b', 'b0'), add('c', 'c0'));
    expect((await displaced)[0]).toBe(503);
    await endAll();
    expect(await Promise.all(tasks)).toEqual(['a0', 'a1', 'a2', 'a3', 'b0', 'c0']);
  });

  it('displaces a task of a group that has two more queued tasks than the group of the new task', async () => {
    const { add, endAll } = queueWith({ maxQueued: 2 });
    const tasks = range(2).map((i) => add('a', `a${i}`));
    const displaced = refusal(add('a', 'a2'));
    tasks.push(add('b', 'b0'));
    expect((await displaced)[0]).toBe(503);
    await endAll();
    expect(await Promise.all(tasks)).toEqual(['a0', 'a1', 'b0']);
  });

  it('prefers the group with fewer running tasks, whichever was queued first', async () => {
    for (const order of ['ab', 'ba']) {
      const { started, add, endAll } = queueWith({ concurrency: 3 });
      const tasks = [add('a', 'a0'), add('a', 'a1'), add('b', 'b0')];
      for (const group of order) tasks.push(add(group, `${group} queued`));
      await endAll();
      await Promise.all(tasks);
      expect(started[3]).toBe('b queued');
    }
  });

  it('prefers the group whose last turn is longest ago among groups with equally many running tasks', async () => {
    const { started, add, endAll } = queueWith({ concurrency: 2 });
    const tasks = ['a', 'b', 'a', 'b'].map((group, i) => add(group, `${group}${i}`));
    await endAll();
    await Promise.all(tasks);
    expect(started).toEqual(['a0', 'b1', 'a2', 'b3']);
  });

  it('does not count tasks that have ended', async () => {
    const { queue, started, add, endAll } = queueWith({ maxQueued: 2 });
    const earlier = [add('a', 'a0'), add('a', 'a1'), add('a', 'a2')];
    await endAll();
    await Promise.all(earlier);
    expect(queue).toHaveProperty('queuedOfKey.counts.size', 0);
    expect(queue).toHaveProperty('root.children.size', 0);
    const tasks = [add('x', 'x0'), add('a', 'a3'), add('b', 'b0')];
    expect((await refusal(add('a', 'a4')))[0]).toBe(503);
    await endAll();
    await Promise.all(tasks);
    expect(started.slice(3)).toEqual(['x0', 'a3', 'b0']);
  });

  it('runs the next task after one fails', async () => {
    const queue = new FairQueue({ concurrency: 1, ...anyNumber });
    const failing = queue.run({ group: 'a' }, () => Promise.reject(new Error('no')));
    const next = queue.run({ group: 'a' }, async () => 'on');
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('on');
  });
});
