import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppConfig } from '../../src/config/app-config.js';
import { LifecycleService } from '../../src/operation/lifecycle.service.js';
import { shutDownOnSignals } from '../../src/operation/shutdown.js';

describe('shutDownOnSignals', () => {
  let now = 0;
  let receive: (signal: string) => void = () => undefined;
  const exit = jest.fn<(code: number) => void>();

  beforeEach(() => {
    now = 0;
    Logger.overrideLogger(false);
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    jest.spyOn(process, 'on').mockImplementation((_signal, listener) => {
      receive = listener as typeof receive;
      return process;
    });
    exit.mockClear();
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** Prepares an application that `close` shuts down. */
  const start = (close: () => Promise<void>, env: Record<string, string> = {}) => {
    const lifecycle = new LifecycleService();
    const config = AppConfig.from(env);
    const get = (type: unknown) => (type === AppConfig ? config : lifecycle);
    shutDownOnSignals({ get, close } as unknown as NestFastifyApplication, exit);
    return lifecycle;
  };
  const ended = () => new Promise<void>((resolve) => setTimeout(resolve, 20));

  it('makes the service not ready on a signal, closes it, and exits with 0', async () => {
    const signals: unknown[] = [];
    const lifecycle = start(async (...args: unknown[]) => void signals.push(...args));
    receive('SIGTERM');
    expect(lifecycle.isStopping).toBe(true);
    await ended();
    expect(signals).toEqual(['SIGTERM']);
    expect(exit.mock.calls).toEqual([[0]]);
  });

  it('exits with 1 if the service cannot be closed', async () => {
    start(() => Promise.reject(new Error('broken')));
    receive('SIGINT');
    await ended();
    expect(exit.mock.calls).toEqual([[1]]);
  });

  it('forces the exit on a second signal after one second, and not earlier', async () => {
    let close = (): void => undefined;
    start(() => new Promise((resolve) => (close = resolve)));
    receive('SIGINT');
    await ended();
    now = 999;
    receive('SIGINT');
    expect(exit).not.toHaveBeenCalled();
    now = 1_000;
    receive('SIGTERM');
    expect(exit.mock.calls).toEqual([[1]]);
    close();
    await ended();
  });
});
