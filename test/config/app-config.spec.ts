import { availableParallelism } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { resolve } from 'node:path';
import { AppConfig } from '../../src/config/app-config.js';
import { problemsOf } from '../support/settings.js';

const SECRET = 'a secret of 64 bytes, which is long enough for every algorithm..';
const production = { NODE_ENV: 'production', JWT_SECRET_KEY: SECRET };

describe('AppConfig', () => {
  it('has a default for every setting in development', () => {
    expect(AppConfig.from({})).toMatchObject({
      production: false,
      host: '127.0.0.1',
      port: 3000,
      database: { engine: 'sqlite', file: resolve('data/app.sqlite') },
      jwt: {
        key: { secretFile: resolve('data/jwt-secret') },
        algorithm: 'HS256',
        algorithms: ['HS256'],
      },
      jwtIssuer: null,
      jwtAudience: null,
      jwtLeeway: 5,
      jwtTyp: 'at+jwt',
      accessTokenLifetime: 900,
      refreshTokenLifetime: 30 * 86_400,
      sessionMaxAge: 90 * 86_400,
      tokenCookies: false,
      web: { publicUrl: null, tokenCookies: false, cookiesOnly: false, cookieDomain: null },
      passwordMinLength: 4,
      flaskCompat: true,
      registrationClosed: false,
      docs: true,
      limits: {
        authRateLimit: 20,
        redisUrl: null,
        userRateLimit: 0,
        maxConnections: 10_000,
        threadPoolSize: 4,
      },
      trustedProxies: [],
      warnings: [],
    });
  });

  it('has stricter defaults in production', () => {
    expect(AppConfig.from(production)).toMatchObject({
      production: true,
      host: '0.0.0.0',
      passwordMinLength: 8,
      limits: { userRateLimit: 600, maxConnections: 10_000 },
      flaskCompat: false,
    });
  });

  it('treats an empty value as unset', () => {
    expect(AppConfig.from({ JWT_ISSUER: '', PORT: ' ' })).toMatchObject({
      jwtIssuer: null,
      port: 3000,
    });
  });

  it.each([
    [{ JWT_ACCESS_TOKEN_EXPIRES: '30' }, { accessTokenLifetime: 1800 }],
    [{ JWT_ACCESS_TOKEN_EXPIRES: '90s' }, { accessTokenLifetime: 90 }],
    [{ JWT_AUTHMAXAGE: '3600', JWT_REFRESHMAXAGE: '3600' }, { accessTokenLifetime: 3600 }],
    [{ JWT_AUTHMAXAGE: '3600', JWT_ACCESS_TOKEN_EXPIRES: '60' }, { accessTokenLifetime: 3600 }],
    [{ JWT_REFRESH_TOKEN_EXPIRES: '2w' }, { refreshTokenLifetime: 14 * 86_400 }],
    [{ JWT_REFRESHMAXAGE: '604800' }, { refreshTokenLifetime: 604_800 }],
    [{ JWT_SECRET: SECRET }, { jwt: { key: { key: expect.anything() } } }],
    [{ JWT_AUTHTYPE: 'HS512' }, { jwt: { algorithm: 'HS512', algorithms: ['HS512'] } }],
    [{ JWT_ALGORITHMS: 'HS256, HS512' }, { jwt: { algorithms: ['HS256', 'HS512'] } }],
    [{ JWT_ALGORITHMS: 'HS512,HS256' }, { jwt: { algorithms: ['HS256', 'HS512'] } }],
    [{ JWT_KEYS_FILE: '/etc/keys.json' }, { jwt: { keyStore: { file: '/etc/keys.json' } } }],
    [{ TOKEN_COOKIES: 'true' }, { tokenCookies: true, web: { cookiesOnly: false } }],
    [{ TOKEN_COOKIES: 'only' }, { tokenCookies: true, web: { cookiesOnly: true } }],
    [
      { TOKEN_COOKIES: 'true', COOKIE_DOMAIN: 'Example.com' },
      { web: { cookieDomain: 'example.com' }, warnings: [] },
    ],
    ...['redis://127.0.0.1:6379', 'rediss://user:word@[::1]:6380/', 'REDIS://redis/15'].map(
      (REDIS_URL): [Record<string, string>, object] => [
        { REDIS_URL },
        { limits: { redisUrl: REDIS_URL }, warnings: [] },
      ],
    ),
    [
      { REDIS_URL: 'redis://redis', AUTH_RATE_LIMIT: '0' },
      { warnings: ['REDIS_URL is not used, because AUTH_RATE_LIMIT is 0.'] },
    ],
    [
      { COOKIE_DOMAIN: 'example.com' },
      { warnings: ['COOKIE_DOMAIN is not used, because TOKEN_COOKIES is false.'] },
    ],
    [
      { PUBLIC_URL: 'https://example.com', COOKIE_DOMAIN: 'example.com', TOKEN_COOKIES: 'true' },
      { warnings: [] },
    ],
    ...[
      ['https://api.example.com', 'https://api.example.com'],
      ['HTTPS://API.Example.com:443/', 'https://api.example.com'],
      ['http://[::1]:3000/a/b//', 'http://[::1]:3000/a/b'],
      ['https://example.com/@shop', 'https://example.com/@shop'],
    ].map(([PUBLIC_URL = '', publicUrl]): [Record<string, string>, object] => [
      { PUBLIC_URL },
      { web: { publicUrl } },
    ]),
    [
      { DATABASE_URL: 'sqlite:/var/x.sqlite' },
      { database: { engine: 'sqlite', file: '/var/x.sqlite' } },
    ],
    [
      { DATABASE_URL: 'sqlite:///var/x.sqlite' },
      { database: { engine: 'sqlite', file: '/var/x.sqlite' } },
    ],
    [
      { DATABASE_URL: 'postgresql://u:p@h:5432/d' },
      { database: { engine: 'postgres', url: 'postgresql://u:p@h:5432/d' } },
    ],
    [{ TRUST_PROXY: '10.0.0.1, fd00::/8' }, { trustedProxies: ['10.0.0.1', 'fd00::/8'] }],
    [
      { TRUST_PROXY: '172.16.0.0/12,fc00::/7,::ffff:10.0.0.0/104,::1' },
      { trustedProxies: ['172.16.0.0/12', 'fc00::/7', '::ffff:10.0.0.0/104', '::1'] },
    ],
    [{}, { logLevel: 'info' }],
    [{ LOG_LEVEL: 'trace' }, { logLevel: 'trace' }],
    [{ JWT_SECRET_KEY: 'x'.repeat(32) }, { production: false }],
    [{ ...production, JWT_SECRET_KEY: '0123456789abcdef0123456789abcde!' }, { production: true }],
    [{ REFRESH_ROTATION: 'false' }, { refreshRotation: false }],
    [{ FLASK_COMPAT: 'false' }, { flaskCompat: false }],
    [{ ...production, FLASK_COMPAT: 'true' }, { flaskCompat: true }],
    [{ REGISTRATION: 'closed' }, { registrationClosed: true }],
    [
      { CORS_ORIGINS: 'https://a.example, http://localhost:5173' },
      { corsOrigins: ['https://a.example', 'http://localhost:5173'] },
    ],
    [{ USER_RATE_LIMIT: '60' }, { limits: { userRateLimit: 60 } }],
    [{ MAX_CONNECTIONS: '100' }, { limits: { maxConnections: 100 } }],
    [{ UV_THREADPOOL_SIZE: '8' }, { limits: { threadPoolSize: 8 } }],
    [
      { DATABASE_URL: 'postgres://a/b', DATABASE_REPLICA_URL: 'postgres://c/b' },
      { database: { replicaUrl: 'postgres://c/b' } },
    ],
    [{}, { limits: { workers: 1 } }],
    [{ WORKERS: '3' }, { limits: { workers: 3 } }],
    [{ WORKERS: 'auto' }, { limits: { workers: availableParallelism() }, warnings: [] }],
    [{ DATABASE_URL: 'postgres://a/b' }, { database: { prepare: false } }],
    [{ DATABASE_URL: 'postgres://a/b', DATABASE_PREPARE: 'true' }, { database: { prepare: true } }],
    [{ REFRESH_GRACE: '0' }, { refreshRotation: true, refreshGrace: 0 }],
  ])('reads the settings %j', (env, expected) => {
    expect(AppConfig.from(env)).toMatchObject(expected);
  });

  it('warns of more workers than the machine has cores', () => {
    const cores = availableParallelism();
    const { warnings } = AppConfig.from({ WORKERS: String(cores + 1) });
    expect(warnings).toEqual([
      expect.stringMatching(`^WORKERS is ${cores + 1}, but this machine has ${cores} cores?;`),
    ]);
  });

  it.each([
    [{ NODE_ENV: 'staging' }, 'NODE_ENV is invalid: use development, production or test.'],
    [{ FLASK_COMPAT: 'yes' }, 'FLASK_COMPAT is invalid: use true or false.'],
    [{ REGISTRATION: 'no' }, 'REGISTRATION is invalid: use open or closed.'],
    [{ PORT: '65536' }, 'PORT is invalid: use an integer from 0 to 65535.'],
    [{ PORT: '-1' }, 'PORT is invalid: use an integer from 0 to 65535.'],
    [
      { DATABASE_REPLICA_URL: 'sqlite:x' },
      'DATABASE_REPLICA_URL is invalid: use postgres://user:password@host:5432/name, the address of a standby.',
    ],
    [
      { DATABASE_REPLICA_URL: 'postgres://a/b' },
      'DATABASE_REPLICA_URL needs PostgreSQL in DATABASE_URL: a SQLite file has no replica.',
    ],
    [
      { DATABASE_URL: 'postgres://a/b', DATABASE_REPLICA_URL: 'postgres://a/b' },
      'DATABASE_REPLICA_URL is the same as DATABASE_URL; leave it out.',
    ],
    [{ WORKERS: '0' }, 'WORKERS is invalid: use auto, or an integer from 1 to 256.'],
    [{ WORKERS: '257' }, 'WORKERS is invalid: use auto, or an integer from 1 to 256.'],
    [{ WORKERS: 'all' }, 'WORKERS is invalid: use auto, or an integer from 1 to 256.'],
    [
      { JWT_AUTHTYPE: 'hs256' },
      'JWT_AUTHTYPE is invalid: use HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384 or ES512.',
    ],
    [{ JWT_ALGORITHMS: 'HS512' }, 'JWT_ALGORITHMS does not contain HS256, which signs; add it.'],
    [
      { JWT_SECRET: SECRET, JWT_SECRET_KEY: `${SECRET}y` },
      'JWT_SECRET_KEY and JWT_SECRET are aliases of the same setting with different values; set only one of them.',
    ],
    [
      { JWT_ACCESS_TOKEN_EXPIRES: '30', JWT_AUTHMAXAGE: '30' },
      'JWT_ACCESS_TOKEN_EXPIRES and JWT_AUTHMAXAGE are aliases of the same setting with different values; set only one of them.',
    ],
    [
      { JWT_ACCESS_TOKEN_EXPIRES: 'soon' },
      'JWT_ACCESS_TOKEN_EXPIRES is invalid: use a duration such as 30s, 15m, 12h or 30d, or a bare number of minutes.',
    ],
    [
      { SESSION_MAX_AGE: '90' },
      'SESSION_MAX_AGE is invalid: use a duration such as 30s, 15m, 12h or 30d.',
    ],
    [
      { DATABASE_URL: 'mysql://u:secret@h/d' },
      'DATABASE_URL is invalid: use sqlite:path/to/file or postgres://user:password@host:5432/name.',
    ],
    [
      { DATABASE_URL: 'sqlite::memory:' },
      'DATABASE_URL is invalid: use sqlite:path/to/file or postgres://user:password@host:5432/name.',
    ],
    [
      { NODE_ENV: 'production' },
      'JWT_SECRET_KEY is required in production; set it to at least 32 random bytes, for example from: openssl rand -base64 48.',
    ],
    [
      { NODE_ENV: 'production', JWT_SECRET_KEY: 'x'.repeat(31) },
      'JWT_SECRET_KEY has 31 bytes, too few for HS256; set it to at least 32 random bytes, for example from: openssl rand -base64 48.',
    ],
    ...[
      ...['0.0.0.0/0', '::/0', '10.0.0.0/7', '128.0.0.0/1', '0.0.0.0/1', 'fc00::/6', '8000::/1'],
      ...['2000::/7', 'fc::/7'],
      ...['::ffff:0.0.0.0/96', '::ffff:0:0/96', '::/80', '::/8', '::ffff:128.0.0.0/97'],
    ].map((range): [Record<string, string>, string] => [
      { TRUST_PROXY: `10.0.0.1,${range}` },
      `TRUST_PROXY: "${range}" is wider than any private network, so clients could forge their addresses; use the proxies' addresses, such as 10.0.0.2 or 10.0.0.0/8, separated by commas.`,
    ]),
    [
      { ...production, JWT_SECRET_KEY: 'x'.repeat(64) },
      'JWT_SECRET_KEY is made of 1 different byte, and can be guessed; set it to at least 32 random bytes, for example from: openssl rand -base64 48.',
    ],
    [
      { NODE_ENV: 'production', JWT_SECRET: '0101010101010101010101010101010101' },
      'JWT_SECRET is made of 2 different bytes, and can be guessed; set it to at least 32 random bytes, for example from: openssl rand -base64 48.',
    ],
    [
      { ...production, JWT_SECRET_KEY: 'abcdefgh'.repeat(4) },
      'JWT_SECRET_KEY repeats its first 8 bytes, and can be guessed; set it to at least 32 random bytes, for example from: openssl rand -base64 48.',
    ],
    [
      { ...production, JWT_SECRET_KEY: 'a password of 19 by-a password of 19 by-a' },
      'JWT_SECRET_KEY repeats its first 20 bytes, and can be guessed; set it to at least 32 random bytes, for example from: openssl rand -base64 48.',
    ],
    [
      { LOG_LEVEL: 'loud' },
      'LOG_LEVEL is invalid: use fatal, error, warn, info, debug, verbose or trace.',
    ],
    [
      { TRUST_PROXY: 'the-proxy' },
      'TRUST_PROXY: "the-proxy" is not an address; use the proxies\' addresses, such as 10.0.0.2 or 10.0.0.0/8, separated by commas.',
    ],
    [{ DOCS: '1' }, 'DOCS is invalid: use true or false.'],
    ...['*', 'null', 'https://app.example.com/', 'app.example.com', 'https://a.b:443'].map(
      (origin): [Record<string, string>, string] => [
        { CORS_ORIGINS: `http://localhost:5173,${origin}` },
        `CORS_ORIGINS: "${origin}" is not an origin; use the origins of the web pages, such as https://app.example.com, separated by commas.`,
      ],
    ),
    ...[
      ...['api.example.com', '/api', 'ftp://example.com', 'https:example.com', 'https://'],
      ...['https://user:password@example.com', 'https://user@example.com', 'https:\\\\example.com'],
      ...[
        'https://example.com?x=1',
        'https://example.com/?',
        'https://example.com/api#',
        'https://a b',
      ],
      ...['https://example.com/<a>', 'https://example.com:99999', '//example.com', 'https:///a'],
    ].map((PUBLIC_URL): [Record<string, string>, string] => [
      { PUBLIC_URL },
      'PUBLIC_URL is invalid: use an http or https origin with an optional path and without credentials, query or fragment, such as https://api.example.com or https://example.com/api.',
    ]),
    ...[
      ...['localhost', '.example.com', 'example.com.', 'https://example.com', 'example.com:443'],
      ...['192.0.2.1', '[::1]', 'a..b', '-a.com', 'a_b.com', 'ex.com; Path=/', 'ä.com'],
      ...[`${'a'.repeat(64)}.com`, `${'a.'.repeat(126)}com`],
    ].map((COOKIE_DOMAIN): [Record<string, string>, string] => [
      { TOKEN_COOKIES: 'true', COOKIE_DOMAIN },
      `COOKIE_DOMAIN: "${COOKIE_DOMAIN}" is not a domain; use a domain name of at least two labels, such as example.com.`,
    ]),
    ...['https://example.org', 'https://anexample.com', 'https://com'].map(
      (PUBLIC_URL): [Record<string, string>, string] => [
        { TOKEN_COOKIES: 'true', COOKIE_DOMAIN: 'example.com', PUBLIC_URL },
        `COOKIE_DOMAIN: the host of PUBLIC_URL, ${new URL(PUBLIC_URL).hostname}, is not in the domain example.com; use the domain of this host, or one above it.`,
      ],
    ),
    [{ TOKEN_COOKIES: 'yes' }, 'TOKEN_COOKIES is invalid: use false, true or only.'],
    [{ REFRESH_ROTATION: '1' }, 'REFRESH_ROTATION is invalid: use true or false.'],
    [
      { JWT_ACCESS_TOKEN_EXPIRES: '60d' },
      'JWT_ACCESS_TOKEN_EXPIRES is longer than JWT_REFRESH_TOKEN_EXPIRES; set it to the same or less.',
    ],
    [
      { REFRESH_GRACE: 'none' },
      'REFRESH_GRACE is invalid: use a duration such as 30s, 15m, 12h or 30d, or a bare number of seconds.',
    ],
    [
      { PASSWORD_MIN_LENGTH: '129' },
      'PASSWORD_MIN_LENGTH is invalid: use an integer from 1 to 128.',
    ],
    [{ JWT_TYP: 'jwt' }, 'JWT_TYP is invalid: use at+jwt or JWT.'],
    [{ JWT_LEEWAY: '6m' }, 'JWT_LEEWAY: "6m" is too long; use at most 300s.'],
    [
      { JWT_LEEWAY: '-1s' },
      'JWT_LEEWAY is invalid: use a duration such as 30s, 15m, 12h or 30d, or a bare number of seconds.',
    ],
    [{ AUTH_RATE_LIMIT: 'none' }, 'AUTH_RATE_LIMIT is invalid: use an integer from 0 to 1000000.'],
    ...['http://redis', 'redis://', 'redis://redis?db=1', 'redis://redis/a', '127.0.0.1:6379'].map(
      (REDIS_URL): [Record<string, string>, string] => [
        { REDIS_URL },
        'REDIS_URL is invalid: use the address of a server without a query, such as redis://127.0.0.1:6379 or rediss://user:password@redis.example.com:6380/0.',
      ],
    ),
    [{ USER_RATE_LIMIT: '-1' }, 'USER_RATE_LIMIT is invalid: use an integer from 0 to 1000000.'],
    [{ MAX_CONNECTIONS: '0' }, 'MAX_CONNECTIONS is invalid: use an integer from 1 to 1000000.'],
  ])('refuses the settings %j', (env, sentence) => {
    expect(problemsOf(env)).toEqual([sentence]);
  });

  it.each([
    ['0', 0],
    ['0s', 0],
    ['5m', 300],
  ])('reads the leeway %s as %d seconds', (JWT_LEEWAY, seconds) => {
    expect(AppConfig.from({ JWT_LEEWAY }).jwtLeeway).toBe(seconds);
  });

  it('reports all invalid settings at once, and no secret', () => {
    const problems = problemsOf({
      ...{ PORT: 'x', DOCS: 'x', JWT_SECRET_KEY: 'hush', JWT_ISSUER: 'x' },
      DATABASE_URL: 'mysql://u:hush@h/d',
    });
    expect(problems).toHaveLength(4);
    expect(problems.join('\n')).not.toContain('hush');
  });
});
