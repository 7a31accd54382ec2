import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { AppConfig } from '../../src/config/app-config.js';
import type { SealingSecrets } from '../../src/config/keys/key-store-settings.js';
import { problemsOf as problemsOfSettings } from '../support/settings.js';

const folder = mkdtempSync(join(tmpdir(), 'key-store-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));
const pem = join(folder, 'a path that is long enough to pass for a secret of 32 bytes');
writeFileSync(pem, '');

const SECRET = 'kUeT6lY2q0YTVZz4n1sJb7oXr9wPd3fG';
const OTHER = 'another secret, which seals nothing any more';
const remedy = 'set it to at least 32 random bytes, for example from: openssl rand -base64 48.';
const database = { JWT_KEYS: 'database', JWT_KEYS_SECRET: SECRET };

const inFolder = (env: Record<string, string>) => ({
  DATABASE_URL: `sqlite:${join(folder, 'app.sqlite')}`,
  ...env,
});
const from = (env: Record<string, string>): AppConfig => AppConfig.from(inFolder(env));
const problemsOf = (env: Record<string, string>) => problemsOfSettings(inFolder(env));

describe('The settings of the key store', () => {
  it('name a file next to the database by default', () => {
    const keyStore = { file: join(folder, 'jwt-keys.json') };
    expect(from({}).jwt.keyStore).toEqual(keyStore);
    expect(from({ JWT_KEYS: 'file' })).toMatchObject({ jwt: { keyStore }, warnings: [] });
  });

  it.each(['development', 'production'])('hold the secrets for the database in %s', (NODE_ENV) => {
    const config = from({ ...database, JWT_KEYS_PREVIOUS_SECRET: OTHER, NODE_ENV });
    const { secret, previousSecret } = config.jwt.keyStore as SealingSecrets;
    expect(String(secret.export())).toBe(SECRET);
    expect(String(previousSecret!.export())).toBe(OTHER);
    expect(from({ ...database, NODE_ENV }).jwt.keyStore).toMatchObject({ previousSecret: null });
  });

  it('need no configured key for the database in production', () => {
    expect(from({ ...database, NODE_ENV: 'production' }).jwt.key).toBeNull();
  });

  it.each<[string, Record<string, string>, string]>([
    ['a database without a secret', { JWT_KEYS_SECRET: '' }, `is required with JWT_KEYS=database`],
    [
      'a short secret',
      { JWT_KEYS_SECRET: SECRET.slice(1) },
      'has 31 bytes, but at least 32 are required',
    ],
    [
      'a secret of few bytes',
      { JWT_KEYS_SECRET: 'ab'.repeat(20) },
      'is made of 2 different bytes, and can be guessed',
    ],
    [
      'a repeated secret',
      { JWT_KEYS_SECRET: 'abcdefghij'.repeat(4) },
      'repeats its first 10 bytes, and can be guessed',
    ],
    [
      'a path as the secret',
      { JWT_KEYS_SECRET: pem },
      'is a key of a key pair or the path of a file, and not a secret',
    ],
    ['the secret of the tokens', { JWT_SECRET_KEY: SECRET }, 'is the secret that signs tokens'],
    [
      'the secret of the tokens by its alias',
      { JWT_SECRET: SECRET },
      'is the secret that signs tokens',
    ],
  ])('refuse %s', (_, env, problem) => {
    for (const NODE_ENV of ['development', 'production', 'test']) {
      const problems = problemsOf({ ...database, ...env, NODE_ENV });
      expect(problems).toEqual([`JWT_KEYS_SECRET ${problem}; ${remedy}`]);
      expect(problems.join()).not.toContain(env.JWT_KEYS_SECRET || SECRET);
    }
  });

  it('refuse a file together with the database', () => {
    expect(problemsOf({ ...database, JWT_KEYS_FILE: 'keys.json' })).toEqual([
      'JWT_KEYS_FILE is set, but JWT_KEYS is database; leave JWT_KEYS_FILE out, and copy the keys of the file to the database with: npm run keys -- import <file>.',
    ]);
  });

  it('refuse another store', () => {
    expect(problemsOf({ JWT_KEYS: 'redis' })).toEqual([
      'JWT_KEYS is invalid: use file or database.',
    ]);
  });

  it('warn of secrets that are not used', () => {
    const { warnings } = from({ JWT_KEYS_SECRET: 'x', JWT_KEYS_PREVIOUS_SECRET: 'y' });
    expect(warnings).toEqual([
      'JWT_KEYS_SECRET is not used, because JWT_KEYS is file.',
      'JWT_KEYS_PREVIOUS_SECRET is not used, because JWT_KEYS is file.',
    ]);
  });
});
