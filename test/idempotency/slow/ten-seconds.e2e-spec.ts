import { expect, it, jest } from '@jest/globals';
import { PasswordHasher } from '../../../src/passwords/password-hasher.js';
import { bootApp } from '../../support/test-app.js';

it('answers 409 if the first request with an Idempotency-Key takes longer than 10 seconds', async () => {
  const app = await bootApp();
  const register = () =>
    app.send('POST', '/api/users', {
      json: { name: 'slow', password: 'a password' },
      headers: { 'idempotency-key': 'slow' },
    });
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let begin = (): void => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const hasher = app.app.get(PasswordHasher, { strict: false });
  jest.spyOn(hasher, 'hash').mockImplementationOnce(async () => {
    begin();
    await released;
    return 'no hash';
  });
  try {
    const first = register();
    await begun;
    const startedAt = performance.now();
    const { status, body } = await register();
    expect([status, body.code]).toEqual([409, 'idempotency_in_progress']);
    expect(performance.now() - startedAt).toBeGreaterThan(9_900);
    release();
    expect((await first).status).toBe(201);
  } finally {
    release();
    await app.close();
  }
}, 30_000);
