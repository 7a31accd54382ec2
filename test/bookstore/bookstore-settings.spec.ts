import { describe, expect, it } from '@jest/globals';
import { AppConfig } from '../../src/config/app-config.js';

describe('readBookstoreSettings', () => {
  it.each([
    [{}, { enabled: true, tokenLifetime: 45 * 60 }],
    [{ BOOKSTORE: 'false' }, { enabled: false }],
    [{ JWT_ACCESS_TOKEN_EXPIRES: '10m' }, { tokenLifetime: 600 }],
    [{ JWT_AUTHMAXAGE: '7200' }, { tokenLifetime: 2700 }],
  ])('reads the settings %j', (env, expected) => {
    expect(AppConfig.from(env).bookstore).toMatchObject(expected);
  });
});
