import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Database } from '../../src/database/database.js';
import { LifecycleService } from '../../src/operation/lifecycle.service.js';
import { ReadinessService } from '../../src/operation/readiness.service.js';
import { bootApp, type TestApp } from '../support/test-app.js';

describe('Health', () => {
  let app: TestApp;
  let now = 0;
  const lines: unknown[] = [];
  const note = (...words: unknown[]) => void lines.push(words);

  beforeAll(async () => {
    const logger = { log: () => undefined, warn: note, error: note, debug: note };
    app = await bootApp({ AUTH_RATE_LIMIT: '1' }, { logger });
    jest.spyOn(performance, 'now').mockImplementation(() => now);
  });
  afterAll(async () => {
    jest.restoreAllMocks();
    await app.close();
  });

  /** Requests readiness when the last result is outdated. Longer steps end idle connections. */
  const ready = (method = 'GET') => {
    now += 2_000;
    return app.send(method, '/health/ready');
  };

  it('answers the liveness check while the process runs', async () => {
    const { status, body, headers } = await app.get('/health/live');
    expect([status, body]).toEqual([200, { status: 'ok' }]);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('answers the readiness check with every passed check', async () => {
    const { status, body, headers } = await ready();
    const checks = { shutting_down: 'ok', database: 'ok', migrations: 'ok' };
    expect([status, body]).toEqual([200, { status: 'ok', checks }]);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('answers HEAD for both health checks', async () => {
    expect((await ready('HEAD')).status).toBe(200);
    expect((await app.send('HEAD', '/health/live')).status).toBe(200);
  });

  it('reports a database that does not answer, and is ready again afterwards', async () => {
    const check = jest.spyOn(app.app.get(Database), 'check');
    check.mockRejectedValueOnce(new Error('a password in a URL'));
    const { status, body, headers } = await ready();
    expect(status).toBe(503);
    expect(body).toMatchObject({
      statusCode: 503,
      code: 'not_ready',
      error: 'Service Unavailable',
      message: { database: ['The database does not answer.'] },
      request_id: headers.get('x-request-id'),
    });
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('retry-after')).toBe('1');
    expect((await ready()).status).toBe(200);
  });

  it('reports a database that takes too long', async () => {
    const check = jest.spyOn(app.app.get(Database), 'check');
    check.mockReturnValueOnce(new Promise(() => undefined));
    const begun = Date.now();
    expect((await ready()).body.message).toHaveProperty('database');
    expect(Date.now() - begun).toBeLessThan(3_000);
  });

  it('reports migrations that the database lacks', async () => {
    type Row = { id: number; name: string; timestamp: number };
    const known = await app.sql((manager) => manager.query<Row[]>('SELECT * FROM migrations'));
    const [last] = known.slice(-1);
    await app.sql((manager) => manager.query(`DELETE FROM migrations WHERE id = ${last!.id}`));
    const { status, body } = await ready();
    expect([status, Object.keys(body.message as object)]).toEqual([503, ['migrations']]);
    await app.sql((manager) =>
      manager.query(
        `INSERT INTO migrations (id, timestamp, name) VALUES (${last!.id}, ${last!.timestamp}, '${last!.name}')`,
      ),
    );
    expect((await ready()).status).toBe(200);
  });

  it('is ready on a database that a later version has migrated', async () => {
    await app.sql((manager) =>
      manager.query("INSERT INTO migrations (timestamp, name) VALUES (9999999999999, 'Later')"),
    );
    expect((await ready()).status).toBe(200);
  });

  it('checks the database once for many concurrent requests', async () => {
    const check = jest.spyOn(app.app.get(Database), 'check').mockClear();
    now += 2_000;
    const all = await Promise.all(Array.from({ length: 50 }, () => app.get('/health/ready')));
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]));
    expect(check).toHaveBeenCalledTimes(1);
  });

  it('neither rate-limits nor logs health checks', async () => {
    for (let i = 0; i < 30; i++) expect((await app.get('/health/live')).status).toBe(200);
    const check = jest.spyOn(app.app.get(Database), 'check');
    check.mockRejectedValueOnce(new Error('down'));
    lines.length = 0;
    await ready();
    await app.get('/health/ready');
    expect(lines).toEqual([]);
  });

  it('reports a shutdown at once, without a check of the database', async () => {
    const readiness = new ReadinessService(app.app.get(Database), new LifecycleService());
    expect(await readiness.failedChecks()).toEqual({});
    const lifecycle = new LifecycleService();
    const check = jest.spyOn(app.app.get(Database), 'check').mockClear();
    lifecycle.stop();
    const stopping = new ReadinessService(app.app.get(Database), lifecycle);
    const failed = { shutting_down: ['The service is shutting down.'] };
    expect(await stopping.failedChecks()).toEqual(failed);
    expect(check).not.toHaveBeenCalled();
  });
});
