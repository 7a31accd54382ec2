import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { unavailable } from '../../src/errors/api-error.js';
import { KeyPollingService } from '../../src/keys/key-polling.service.js';
import type { TokenKeys } from '../../src/keys/token-keys.js';

describe('KeyPollingService', () => {
  const reload = jest.fn<TokenKeys['reload']>();
  let warn: jest.SpiedFunction<Logger['warn']>;
  let polling: KeyPollingService;

  beforeEach(() => {
    jest.useFakeTimers();
    reload.mockReset().mockResolvedValue();
    warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
    polling = new KeyPollingService({ pollInterval: 250, reload } as unknown as TokenKeys);
  });
  afterEach(async () => {
    await polling.onApplicationShutdown();
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it('reloads the keys at the interval, until the end of the shutdown', async () => {
    polling.onApplicationBootstrap();
    expect(reload).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1000);
    expect(reload).toHaveBeenCalledTimes(4);
    await polling.onApplicationShutdown();
    await jest.advanceTimersByTimeAsync(1000);
    expect(reload).toHaveBeenCalledTimes(4);
  });

  it('waits at shutdown for the reload that runs', async () => {
    let finish = (): void => undefined;
    reload.mockReturnValue(new Promise((resolve) => (finish = resolve)));
    polling.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(250);
    const ended = jest.fn();
    const shutdown = polling.onApplicationShutdown().then(ended);
    await jest.advanceTimersByTimeAsync(10);
    expect(ended).not.toHaveBeenCalled();
    finish();
    await shutdown;
    expect(ended).toHaveBeenCalled();
  });

  it('does not poll for keys that notice changes themselves', async () => {
    const none = new KeyPollingService({ reload } as unknown as TokenKeys);
    none.onApplicationBootstrap();
    expect(jest.getTimerCount()).toBe(0);
    await none.onApplicationShutdown();
  });

  it('logs a cause again after a minute', async () => {
    reload.mockRejectedValue(unavailable('no answer'));
    polling.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(warn).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(250);
    expect(warn).toHaveBeenCalledTimes(2);
  });

  it('survives failures, and logs one line a minute for each cause', async () => {
    reload.mockRejectedValue(unavailable('no answer'));
    polling.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(5000);
    const line = 'The keys were not checked for changes: no answer';
    expect(warn.mock.calls).toEqual([[line]]);
    reload.mockRejectedValue(new Error('another'));
    await jest.advanceTimersByTimeAsync(5000);
    expect(warn.mock.calls).toEqual([[line], ['The keys were not checked for changes: another']]);
    reload.mockRejectedValue(unavailable('no answer'));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(warn.mock.calls.map(([text]) => text as string)).toContain(line);
    expect(warn).toHaveBeenCalledTimes(3);
  });
});
