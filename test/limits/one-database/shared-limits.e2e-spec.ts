import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { checkRedis } from '../../../scripts/admin/doctor/redis-check.js';
import { AppConfig } from '../../../src/config/app-config.js';
import { packageInfo } from '../../../src/config/package-info.js';
import { ServiceLogger } from '../../../src/logging/service-logger.js';
import { CapturedOutput } from '../../support/captured-output.js';
import { PrivateRedis } from '../../support/private-redis.js';
import { describeWith } from '../../support/programs.js';
import { freePort } from '../../support/tcp-proxy.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

const WRONG = { username: 'user', password: 'wrong' };

describeWith('redis-server', 'AUTH_RATE_LIMIT with REDIS_URL', (program) => {
  let redis: PrivateRedis;
  let apps: TestApp[];
  let output: CapturedOutput;

  beforeEach(async () => {
    apps = [];
    output = new CapturedOutput();
    redis = await PrivateRedis.start(program, await freePort());
  });
  afterEach(async () => {
    redis.signal('SIGCONT');
    for (const app of apps) await app.close();
    await redis.stop();
    jest.restoreAllMocks();
  });

  /** An instance that allows two attempts a minute. */
  const boot = async (url = redis.url): Promise<TestApp> => {
    const logger = new ServiceLogger({ json: false, level: 'info' });
    const app = await bootApp({ AUTH_RATE_LIMIT: '2', REDIS_URL: url }, { logger });
    apps.push(app);
    return app;
  };
  const attempt = async (app: TestApp) =>
    (await app.send('POST', '/auth/login', { json: WRONG })).status;
  const metric = async (app: TestApp, name: string): Promise<number> => {
    const text = await (await fetch(`${app.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
  };
  const untilShared = async (app: TestApp) => {
    while ((await metric(app, 'redis_up')) !== 1) await new Promise((done) => setTimeout(done, 20));
  };

  it('counts the attempts of an address at all instances together', async () => {
    const [first, second] = [await boot(), await boot()];
    expect(await attempt(first)).toBe(401);
    expect(await attempt(second)).toBe(401);
    for (const app of [first, second]) {
      const { status, headers, body } = await app.send('POST', '/auth/login', { json: WRONG });
      expect([status, body.code]).toEqual([429, 'too_many_requests']);
      expect(headers.get('retry-after')).toMatch(/^([1-9]|[1-5]\d|60)$/);
    }
  });

  it('keeps one key for an address, for a minute', async () => {
    const app = await boot();
    await attempt(app);
    const keys = (await redis.command('KEYS', '*')) as string[];
    expect(keys).toEqual([`${packageInfo.name}:auth-attempts:127.0.0.1`]);
    const left = await redis.command('PTTL', keys[0]!);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(60_000);
  });

  it('does not ask Redis about attempts that the instance itself refuses', async () => {
    const app = await boot();
    for (let i = 0; i < 10; i++) await attempt(app);
    expect(await redis.command('GET', `${packageInfo.name}:auth-attempts:127.0.0.1`)).toBe('2');
    expect(output.text).not.toContain('Redis cannot be reached');
  });

  it.each(['ended', 'frozen'] as const)(
    'counts at each instance if Redis has %s, and says so',
    async (outage) => {
      const [first, second] = [await boot(), await boot()];
      expect(await metric(first, 'redis_up')).toBe(1);
      if (outage === 'ended') await redis.stop();
      else redis.signal('SIGSTOP');
      for (const app of [first, second]) {
        expect(await attempt(app)).toBe(401);
        expect(await attempt(app)).toBe(401);
        expect(await attempt(app)).toBe(429);
        expect((await app.get('/health/ready')).status).toBe(200);
        const lost = 'security_events_total{event="limit_not_shared",cause="AUTH_RATE_LIMIT"}';
        expect(await metric(app, lost.replace(/[{}]/g, '\\$&'))).toBe(2);
      }
      expect(output.text.match(/Redis did not answer \(AUTH_RATE_LIMIT\)/g)).toHaveLength(2);
    },
  );

  it('counts together again as soon as Redis is back', async () => {
    const [first, second] = [await boot(), await boot()];
    await redis.stop();
    expect(await attempt(first)).toBe(401);
    redis = await PrivateRedis.start(program, redis.port);
    await Promise.all([untilShared(first), untilShared(second)]);
    expect(await attempt(second)).toBe(401);
    expect(await attempt(first)).toBe(401);
    expect(await attempt(second)).toBe(429);
  });

  it('starts without Redis, and uses it when it comes', async () => {
    const { port } = redis;
    await redis.stop();
    const app = await boot(`redis://user:hidden@127.0.0.1:${port}`);
    expect(output.text).toContain('Redis cannot be reached');
    expect(await metric(app, 'redis_up')).toBe(0);
    redis = await PrivateRedis.start(program, port);
    await redis.command('ACL', 'SETUSER', 'user', 'on', '>hidden', '~*', '&*', '+@all');
    await untilShared(app);
    expect(await attempt(app)).toBe(401);
    expect(await redis.command('DBSIZE')).toBe(1);
    expect(output.text).not.toContain('hidden');
  });

  it('is checked by `npm run admin -- doctor`, which shows no password', async () => {
    const check = (url: string) => checkRedis(AppConfig.from({ REDIS_URL: url }));
    const host = `127.0.0.1:${redis.port}`;
    expect(await check(redis.url)).toEqual([
      {
        check: 'redis',
        status: 'ok',
        message: `Redis at ${host} counts AUTH_RATE_LIMIT for all instances.`,
      },
    ]);
    const [refused] = await check(`redis://user:hidden@${host}`);
    expect(refused!.status).toBe('warning');
    expect(refused!.message).toMatch(/cannot be used \(WRONGPASS.+\)\. Until it can/);
    await redis.stop();
    const [ended] = await check(`redis://user:hidden@${host}`);
    expect(ended!.message).toContain('ECONNREFUSED');
    expect(refused!.message + ended!.message).not.toContain('hidden');
    expect(await checkRedis(AppConfig.from({}))).toEqual([]);
  });
});
