import { describe, expect, it, jest } from '@jest/globals';
import { NotAuthenticated, runStrategy } from '../../src/auth/run-strategy.js';

// Fails soon if a strategy never answers.
jest.setTimeout(3000);

type Callback = (value: unknown) => void;
type Authenticate = (
  this: { success: Callback; fail: Callback; error: Callback },
  request: unknown,
  options: unknown,
) => void;

const run = (authenticate: Authenticate) => runStrategy({ authenticate }, 'the request');

describe('runStrategy', () => {
  it('returns the value that the strategy succeeds with', async () => {
    const result = run(function (request, options) {
      this.success([request, options]);
    });
    expect(await result).toEqual(['the request', {}]);
  });

  it('throws NotAuthenticated with the reason of the strategy as its cause', async () => {
    const error: unknown = await run(function () {
      this.fail('a reason');
    }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NotAuthenticated);
    expect(error).toMatchObject({ cause: 'a reason' });
  });

  it('rethrows an error of the strategy', async () => {
    const error = new Error('broken');
    const result = run(function () {
      this.error(error);
    });
    await expect(result).rejects.toBe(error);
  });

  it('keeps the results of concurrent requests apart', async () => {
    const waiting: (() => void)[] = [];
    const strategy = {
      authenticate(this: { success: Callback }, request: unknown) {
        waiting.push(() => this.success(request));
      },
    };
    const results = [1, 2].map((request) => runStrategy(strategy, request));
    waiting.forEach((goOn) => goOn());
    expect(await Promise.all(results)).toEqual([1, 2]);
  });
});
