import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ApiError } from '../../src/errors/api-error.js';
import type { ToPrimary, ToWorker } from '../../src/workers/messages.js';
import { SharedCounter } from '../../src/workers/shared-counter.js';
import { WorkerChannel } from '../../src/workers/worker-channel.js';

describe('WorkerChannel', () => {
  let channel: WorkerChannel;
  let sent: ToPrimary[];
  let receive: (message: ToWorker) => void;

  beforeEach(() => {
    jest.useFakeTimers();
    sent = [];
    const port = {
      send: (message: ToPrimary) => sent.push(message) > 0,
      on: (_event: 'message', listener: (message: ToWorker) => void) => (receive = listener),
    };
    channel = new WorkerChannel(port, true);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const takeTurn = () => channel.takeTurn(performance.now() + 5000);

  it('gives each answer to its question', async () => {
    const first = channel.ask('metrics', null);
    const second = channel.ask('metrics', null);
    receive({ type: 'answer', id: 2, answer: 'two' });
    receive({ type: 'answer', id: 1, answer: 'one' });
    expect(await Promise.all([first, second])).toEqual(['one', 'two']);
  });

  it('rejects a question that the primary could not answer', async () => {
    const asked = channel.ask('metrics', null);
    receive({ type: 'failure', id: 1, message: 'Worker 7 does not answer' });
    await expect(asked).rejects.toThrow('Worker 7 does not answer');
  });

  it('begins a turn with the answer of the primary, and tells it the end', async () => {
    const turn = takeTurn();
    receive({ type: 'answer', id: 1, answer: null });
    const end = await turn;
    expect(sent).toEqual([{ type: 'turn', id: 1, question: null }]);
    end();
    expect(sent[1]).toEqual({ type: 'end turn', id: 1 });
    expect(jest.getTimerCount()).toBe(0);
  });

  it('gives up a turn after its deadline with 503, and tells the primary', async () => {
    const turn = takeTurn().catch((error: unknown) => error);
    jest.advanceTimersByTime(4999);
    expect(sent).toHaveLength(1);
    jest.advanceTimersByTime(1);
    const error = await turn;
    expect([error instanceof ApiError, (error as ApiError).getStatus()]).toEqual([true, 503]);
    expect(sent[1]).toEqual({ type: 'end turn', id: 1 });
    // The primary may have given the turn meanwhile.
    receive({ type: 'answer', id: 1, answer: null });
    expect(sent).toHaveLength(2);
  });

  it('answers a collection with its metrics', async () => {
    const metric = { name: 'n', help: 'h', type: 'gauge', aggregator: 'sum', values: [] };
    channel.answerCollections(async () => [metric]);
    receive({ type: 'collect', id: 5 });
    for (let i = 0; i < 5; i++) await Promise.resolve();
    expect(sent).toEqual([{ type: 'collected', id: 5, metrics: [metric] }]);
  });

  it('lets the primary count for a SharedCounter', async () => {
    const options = { max: 2, window: 60_000, maxKeys: 10 };
    const counter = new SharedCounter('attempts', options, channel);
    const taken = counter.take('a', 'b');
    expect(sent).toEqual([
      { type: 'count', id: 1, question: { name: 'attempts', options, keys: ['a', 'b'] } },
    ]);
    receive({ type: 'answer', id: 1, answer: 42 });
    expect(await taken).toBe(42);
  });
});

describe('SharedCounter in a single process', () => {
  it('counts by itself', async () => {
    const counter = new SharedCounter('attempts', { max: 1, window: 60_000, maxKeys: 10 }, null);
    expect(await counter.take('a')).toBe(0);
    expect(await counter.take('a')).toBe(60);
    expect(await counter.take('b')).toBe(0);
  });
});
