import { afterEach, describe, expect, it, jest } from '@jest/globals';
import argon2 from 'argon2';
import { ApiError } from '../common/api-error.js';
import { AppConfig } from '../config/app-config.js';
import { PasswordHasher } from './password-hasher.js';

const config = AppConfig.from(
  {},
  { passwordHashCost: { memoryCost: 64, timeCost: 1, parallelism: 1 } },
);

describe('PasswordHasher', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('makes argon2id hashes that verify, in Unicode NFC', async () => {
    const hasher = new PasswordHasher(config);
    const hash = await hasher.hash('ame\u0301lie');
    expect(hash).toMatch(/^\$argon2id\$v=19\$/);
    expect(await hasher.verify(hash, 'amélie')).toBe(true);
    expect(await hasher.verify(hash, 'ame\u0301lie')).toBe(true);
    expect(await hasher.verify(hash, 'amelie')).toBe(false);
  });

  it('has OWASP’s parameters unless told, and knows a hash of others', async () => {
    const today = new PasswordHasher(AppConfig.from({}));
    const hash = await today.hash('secret');
    expect(hash).toMatch(/m=19456/);
    expect(hash).toMatch(/t=2/);
    expect(hash).toMatch(/p=1/);
    expect(today.isOutdated(hash)).toBe(false);
    expect(new PasswordHasher(config).isOutdated(hash)).toBe(true);
  });

  it('verifies the password of an unknown user against a hash of the same cost', async () => {
    for (const hasher of [new PasswordHasher(config), new PasswordHasher(AppConfig.from({}))]) {
      await hasher.onModuleInit();
      const verify = jest.spyOn(argon2, 'verify');
      expect(await hasher.verify(null, 'secret')).toBe(false);
      expect(verify).toHaveBeenCalledTimes(1);
      const dummy = String(verify.mock.calls[0]![0]);
      const costOf = (hash: string) => hash.split('$').slice(0, 4);
      expect(costOf(dummy)).toEqual(costOf(await hasher.hash('secret')));
      expect(dummy.length).toBe((await hasher.hash('secret')).length);
      verify.mockRestore();
    }
  });

  it('verifies no password of an unknown user, not even the one of the dummy hash', async () => {
    const hasher = new PasswordHasher(config);
    await hasher.onModuleInit();
    jest.spyOn(argon2, 'verify').mockResolvedValue(true);
    expect(await hasher.verify(null, 'any')).toBe(false);
    const real = await hasher.hash('any');
    expect(await hasher.verify(real, 'any')).toBe(true);
  });

  it('keeps a line that has an end', async () => {
    const hasher = new PasswordHasher(config);
    const results = await Promise.allSettled(
      Array.from({ length: 700 }, () => hasher.hash('secret')),
    );
    const refused = results.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(100);
    for (const result of refused) {
      const reason = (result as PromiseRejectedResult).reason as unknown;
      expect(reason).toBeInstanceOf(ApiError);
      expect((reason as ApiError).headers).toEqual({ 'retry-after': '5' });
    }
  });

  it('leaves the event loop alone', async () => {
    const hasher = new PasswordHasher(AppConfig.from({}));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await hasher.hash('secret');
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });
});
