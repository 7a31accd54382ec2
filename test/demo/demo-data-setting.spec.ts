import { describe, expect, it } from '@jest/globals';
import { AppConfig } from '../../src/config/app-config.js';

const production = {
  NODE_ENV: 'production',
  JWT_SECRET_KEY: 'a secret of the tests, long enough for HS256',
};

describe('DEMO_DATA', () => {
  it.each([
    [{}, true],
    [{ DEMO_DATA: 'false' }, false],
    [production, false],
  ])('is read from the settings %j', (env, expected) => {
    expect(AppConfig.from(env).demoData).toBe(expected);
  });

  it('prevents the start in production', () => {
    expect(() => AppConfig.from({ ...production, DEMO_DATA: 'true' })).toThrow(
      'DEMO_DATA must not be true in production, because its passwords are public; leave it out, or set NODE_ENV=development.',
    );
  });
});
