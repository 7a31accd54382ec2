import { availableParallelism } from 'node:os';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import argon2 from 'argon2';
import { ApiError } from '../../src/errors/api-error.js';
import { AppConfig } from '../../src/config/app-config.js';
import {
  type HashQueueKeys,
  hashQueueKeys,
  serviceHashQueueKeys,
  PasswordHasher,
} from '../../src/passwords/password-hasher.js';

const config = AppConfig.from(
  { UV_THREADPOOL_SIZE: '1' },
  { passwordHashCost: { memoryCost: 64, timeCost: 1, parallelism: 1 } },
);
const from = (ip: string, account: string, signal?: AbortSignal): HashQueueKeys =>
  hashQueueKeys({ agent: null, ip, ...(signal && { signal }) }, account);
const queueKeys = from('203.0.113.7', 'somebody');

describe('PasswordHasher', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('creates argon2id hashes of passwords in Unicode NFC', async () => {
    const hasher = new PasswordHasher(config);
    const hash = await hasher.hash('ame\u0301lie', queueKeys);
    expect(hash).toMatch(/^\$argon2id\$v=19\$/);
    expect(await hasher.verify(hash, 'amélie', queueKeys)).toBe(true);
    expect(await hasher.verify(hash, 'ame\u0301lie', queueKeys)).toBe(true);
    expect(await hasher.verify(hash, 'amelie', queueKeys)).toBe(false);
  });

  it('uses the parameters of OWASP by default, and detects hashes with others', async () => {
    const today = new PasswordHasher(AppConfig.from({}));
    const hash = await today.hash('secret', queueKeys);
    expect(hash).toMatch(/m=19456/);
    expect(hash).toMatch(/t=2/);
    expect(hash).toMatch(/p=1/);
    expect(today.isOutdated(hash)).toBe(false);
    expect(new PasswordHasher(config).isOutdated(hash)).toBe(true);
  });

  it('divides the cores among the workers, with one hash at a time at least', async () => {
    const cores = availableParallelism();
    for (const [workers, expected] of [
      [1, cores],
      [cores, 1],
      [4 * cores, 1],
    ]) {
      const env = { WORKERS: String(workers), UV_THREADPOOL_SIZE: '1024' };
      const passwordHashCost = { memoryCost: 64, timeCost: 1, parallelism: 1 };
      const hasher = new PasswordHasher(AppConfig.from(env, { passwordHashCost }));
      const hashes = Array.from({ length: 4 * cores }, (_, i) =>
        hasher.hash('secret', from('203.0.113.7', `account ${i}`)),
      );
      expect([workers, hasher.load.running]).toEqual([workers, expected]);
      await Promise.all(hashes);
    }
  });

  it('verifies the password of an unknown user against a hash of the same cost', async () => {
    for (const hasher of [new PasswordHasher(config), new PasswordHasher(AppConfig.from({}))]) {
      await hasher.onModuleInit();
      const verify = jest.spyOn(argon2, 'verify');
      expect(await hasher.verify(null, 'secret', queueKeys)).toBe(false);
      expect(verify).toHaveBeenCalledTimes(1);
      const dummy = String(verify.mock.calls[0]![0]);
      const costOf = (hash: string) => hash.split('$').slice(0, 4);
      expect(costOf(dummy)).toEqual(costOf(await hasher.hash('secret', queueKeys)));
      expect(dummy.length).toBe((await hasher.hash('secret', queueKeys)).length);
      verify.mockRestore();
    }
  });

  it('never verifies the password of an unknown user, not even that of the dummy hash', async () => {
    const hasher = new PasswordHasher(config);
    await hasher.onModuleInit();
    jest.spyOn(argon2, 'verify').mockResolvedValue(true);
    expect(await hasher.verify(null, 'any', queueKeys)).toBe(false);
    const real = await hasher.hash('any', queueKeys);
    expect(await hasher.verify(real, 'any', queueKeys)).toBe(true);
  });

  /** Blocks argon2 until `open` is called, and collects the passwords that it gets. */
  function gate() {
    const passwords: string[] = [];
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    jest.spyOn(argon2, 'hash').mockImplementation((async (password: string) => {
      passwords.push(password);
      await opened;
      return 'a hash';
    }) as never);
    return { passwords, open };
  }

  /** @returns the status and `Retry-After` of each refusal */
  async function refusalsOf(results: Promise<unknown>[]) {
    const settled = await Promise.allSettled(results);
    return settled.flatMap((result) => {
      if (result.status === 'fulfilled') return [];
      const error = result.reason as ApiError;
      expect(error).toBeInstanceOf(ApiError);
      return [`${error.kind.status} ${error.headers['retry-after']}`];
    });
  }

  it('queues at most four hashes of one account, from however many address ranges', async () => {
    const { open } = gate();
    const hasher = new PasswordHasher(config);
    const results = Array.from({ length: 20 }, (_, i) =>
      hasher.hash('secret', from(`10.0.${i}.1`, 'somebody')),
    );
    results.push(hasher.hash('secret', from('10.0.99.1', 'somebody else')));
    setImmediate(open);
    expect(await refusalsOf(results)).toEqual(Array.from({ length: 15 }, () => '429 5'));
  });

  it('queues at most five hundred hashes', async () => {
    const { open } = gate();
    const hasher = new PasswordHasher(config);
    const results = Array.from({ length: 700 }, (_, i) =>
      hasher.hash('secret', from('203.0.113.7', `user ${i}`)),
    );
    setImmediate(open);
    expect(await refusalsOf(results)).toEqual(Array.from({ length: 199 }, () => '503 5'));
  });

  it('hashes for a waiting address range before the range that fills the queue', async () => {
    const { passwords, open } = gate();
    const hasher = new PasswordHasher(config);
    const flood = Array.from({ length: 600 }, (_, i) =>
      hasher.hash('flood', from(`203.0.113.${i % 250}`, `user ${i}`)),
    );
    const other = hasher.hash('other', from('198.51.100.1', 'somebody'));
    const settled = Promise.allSettled(flood);
    open();
    await Promise.all([other, settled]);
    expect(passwords.indexOf('other')).toBe(1);
  });

  it.each([
    ['a /48', (i: number) => `2001:db8:1:${i.toString(16)}::1`, '2001:db8:2::1'],
    ['a /56', (i: number) => `2001:db8:1:${(i % 256).toString(16)}::1`, '2001:db8:1:100::1'],
    ['a /32', (i: number) => `2001:db8:${i.toString(16)}::1`, '2001:db9::1'],
    ['a /16', (i: number) => `10.1.${i % 256}.1`, '10.2.0.1'],
  ])(
    'hashes for an address outside of %s whose networks fill the queue',
    async (_, ip, outside) => {
      const { passwords, open } = gate();
      const hasher = new PasswordHasher(config);
      const flood = Array.from({ length: 600 }, (_, i) =>
        hasher.hash('flood', from(ip(i), `user ${i}`)),
      );
      const settled = Promise.allSettled(flood);
      const other = hasher.hash('other', from(outside, 'somebody'));
      open();
      await Promise.all([other, settled]);
      expect(passwords.indexOf('other')).toBeLessThanOrEqual(2);
    },
  );

  it('never hashes for a client that hangs up while it is queued', async () => {
    const { passwords, open } = gate();
    const hasher = new PasswordHasher(config);
    const client = new AbortController();
    const first = hasher.hash('first', from('203.0.113.7', 'one'));
    const gone = hasher.hash('gone', from('203.0.113.7', 'two', client.signal));
    client.abort();
    open();
    await first;
    await expect(gone).rejects.toBeInstanceOf(ApiError);
    expect(passwords).toEqual(['first']);
  });

  it('checks an attempt again before a queued password is hashed', async () => {
    const { open } = gate();
    const hasher = new PasswordHasher(config);
    const verify = jest.spyOn(argon2, 'verify');
    const checks: boolean[] = [];
    const check = async (queued: boolean) => {
      checks.push(queued);
      throw new Error('refused');
    };
    await expect(hasher.verify('a hash', 'secret', queueKeys, check)).rejects.toThrow('refused');
    const first = hasher.hash('first', queueKeys);
    const second = hasher.verify('a hash', 'secret', queueKeys, check);
    open();
    await first;
    await expect(second).rejects.toThrow('refused');
    expect(checks).toEqual([false, true]);
    expect(verify).not.toHaveBeenCalled();
  });

  it('queues each hash of the service under its own account, in one common range', () => {
    const [first, second] = [serviceHashQueueKeys(), serviceHashQueueKeys()];
    expect(first.account).not.toBe(second.account);
    expect(first.range).toBe(second.range);
    expect([first.range].flat()).not.toEqual([from('', 'somebody').range].flat());
  });

  it('does not block the event loop', async () => {
    const hasher = new PasswordHasher(AppConfig.from({}));
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    // On a busy machine, a hash may finish before the timer of the event loop runs.
    for (let i = 0; i < 20 && ticks === 0; i++) await hasher.hash('secret', queueKeys);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
  });
});
