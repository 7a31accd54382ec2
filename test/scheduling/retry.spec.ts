import { describe, expect, it, jest } from '@jest/globals';
import { ConflictError, retry } from '../../src/scheduling/retry.js';

describe('retry', () => {
  it('returns the result of the first attempt without a conflict', async () => {
    const change = jest.fn<() => Promise<number>>();
    change.mockRejectedValueOnce(new ConflictError('changed')).mockResolvedValueOnce(7);
    expect(await retry(change)).toBe(7);
    expect(change).toHaveBeenCalledTimes(2);
  });

  it('gives up with 503 after three attempts', async () => {
    const change = jest.fn(() => Promise.reject(new ConflictError('changed')));
    await expect(retry(change)).rejects.toMatchObject({
      ...{ code: 'service_unavailable', reason: 'changed', headers: { 'retry-after': '1' } },
    });
    expect(change).toHaveBeenCalledTimes(3);
  });

  it('does not retry after another error', async () => {
    const change = jest.fn(() => Promise.reject(new Error('broken')));
    await expect(retry(change)).rejects.toThrow('broken');
    expect(change).toHaveBeenCalledTimes(1);
  });

  it('retries errors that the caller calls transient', async () => {
    const change = jest.fn(() => Promise.reject(new Error('deadlock')));
    await expect(retry(change, () => true)).rejects.toThrow('deadlock');
    expect(change).toHaveBeenCalledTimes(3);
  });
});
