import { connect, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Injectable, Module, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Counter, register as globalRegistry } from 'prom-client';
import { Public } from '../../src/access/require-token.decorator.js';
import { Database } from '../../src/database/database.js';
import { MetricsServer } from '../../src/metrics/metrics-server.js';
import { MetricsService } from '../../src/metrics/metrics.service.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { ExpiryService } from '../../src/sessions/expiry.service.js';
import { bootApp, SECRET, type TestApp } from '../support/test-app.js';
import { engine } from '../support/test-database.js';

const production = { NODE_ENV: 'production', JWT_SECRET_KEY: SECRET, PASSWORD_MIN_LENGTH: '4' };

@Controller('probe')
class ProbeController {
  @Get('hang')
  @Public()
  async hang(@Req() request: FastifyRequest) {
    await once(request.raw.socket, 'close');
    return {};
  }
}

@Module({ controllers: [ProbeController] })
class ProbeModule {}

describe('GET /metrics', () => {
  let app: TestApp;

  afterEach(async () => {
    jest.restoreAllMocks();
    await app.close();
  });

  /** The value of a metric with these labels, in any order. */
  const valueOf = async (name: string, labels: Record<string, string> = {}) => {
    const { text } = await app.get('/metrics');
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const line = text
      .split('\n')
      .find(
        (each) => /^\w+/.exec(each)?.[0] === name && wanted.every((label) => each.includes(label)),
      );
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
  };

  it('answers in the text format of Prometheus', async () => {
    app = await bootApp();
    const { status, headers, text } = await app.get('/metrics');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(text).toMatch(/^# HELP \w+/);
    expect(text.endsWith('\n')).toBe(true);
    for (const name of ['nodejs_eventloop_lag_seconds', 'nodejs_heap_size_used_bytes'])
      expect(await valueOf(name)).toBeGreaterThan(0);
  });

  it('is 404 on the port of the API if a proxy has forwarded the request', async () => {
    app = await bootApp();
    for (const name of [
      ...['Forwarded', 'Via', 'X-Real-IP', 'X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded'],
      ...['X-Original-Forwarded-For', 'X_Forwarded_For', 'CF-Connecting-IP', 'True-Client-IP'],
    ]) {
      const { status, body } = await app.get('/metrics', { headers: { [name]: 'for=127.0.0.1' } });
      expect([name, status, body]).toMatchObject([name, 404, { code: 'not_found' }]);
    }
  });

  it('is 404 on the port of the API in production, and with METRICS_PORT', async () => {
    app = await bootApp(production);
    expect((await app.get('/metrics')).status).toBe(404);
    await app.close();
    app = await bootApp({ METRICS_PORT: '0' });
    expect((await app.get('/metrics')).status).toBe(404);
  });

  it('measures requests by method, pattern of the route, and status', async () => {
    app = await bootApp();
    await app.get('/api/users/1');
    await app.get('/api/users/999');
    await app.get('/no/such/path');
    const count = (labels: Record<string, string>) =>
      valueOf('http_request_duration_seconds_count', { method: 'GET', ...labels });
    expect(await count({ route: '/api/users/:id', status: '200' })).toBe(1);
    expect(await count({ route: '/api/users/:id', status: '404' })).toBe(1);
    expect(await count({ route: 'unmatched', status: '404' })).toBe(1);
    const bucket = { method: 'GET', route: '/api/users/:id', status: '200', le: '+Inf' };
    expect(await valueOf('http_request_duration_seconds_bucket', bucket)).toBe(1);
  });

  it('measures requests that are not valid HTTP, and clients that hang up', async () => {
    app = await bootApp({}, { imports: [ProbeModule] });
    const { port } = new URL(app.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.end('nonsense\r\n\r\n').resume();
    await once(socket, 'close');
    const invalid = { method: 'invalid', route: 'unmatched', status: '400' };
    expect(await valueOf('http_request_duration_seconds_count', invalid)).toBe(1);

    const client = connect(Number(port), '127.0.0.1');
    client.end('GET /probe/hang HTTP/1.1\r\nHost: a\r\n\r\n', () => client.destroy());
    const aborted = { method: 'GET', route: '/probe/hang', status: 'aborted' };
    for (let tries = 0; tries < 100; tries++)
      if ((await valueOf('http_request_duration_seconds_count', aborted)) === 1) return;
    throw new Error('The aborted request was not counted.');
  });

  it('counts logins, refreshes, theft and errors', async () => {
    app = await bootApp({ REFRESH_GRACE: '30s' });
    expect(await valueOf('logins_total', { result: 'succeeded' })).toBe(0);
    const user = await app.newLogin();
    await app.send('POST', '/auth/login', { json: { username: user.name, password: 'wrong' } });
    const refresh = (token: string) =>
      app.send<{ refresh_token: string }>('POST', '/auth/refresh', { token });
    const { body } = await refresh(user.refresh);
    await refresh(user.refresh);
    await refresh(body.refresh_token);
    await refresh(user.refresh);
    const result = (name: string, value: string) => valueOf(name, { result: value });
    expect(await result('logins_total', 'succeeded')).toBe(1);
    expect(await result('logins_total', 'credentials_invalid')).toBe(1);
    expect(await result('refreshes_total', 'rotated')).toBe(2);
    expect(await result('refreshes_total', 'repeated')).toBe(1);
    expect(await result('refreshes_total', 'reused')).toBe(1);
    expect(await valueOf('http_errors_total', { code: 'credentials_invalid' })).toBe(1);
    expect(await valueOf('http_errors_total', { code: 'token_revoked' })).toBe(1);
    const theft = { event: 'refresh_reused', cause: 'refresh_reused' };
    expect(await valueOf('security_events_total', theft)).toBe(1);
  });

  it('shows the queues, and the pool or the file of the database', async () => {
    app = await bootApp();
    for (const queue of ['password_hash_queue', 'write_request_queue'])
      for (const state of ['running', 'queued']) expect(await valueOf(queue, { state })).toBe(0);
    if (engine === 'sqlite') {
      expect(await valueOf('sqlite_write_queue')).toBe(0);
      expect(await valueOf('sqlite_wal_bytes')).toBeGreaterThan(0);
      expect(await valueOf('sqlite_file_bytes')).toBeGreaterThan(0);
    } else {
      expect(
        await valueOf('postgres_pool_connections', { state: 'in_use' }),
      ).toBeGreaterThanOrEqual(0);
      expect(await valueOf('postgres_pool_connections', { state: 'idle' })).toBeGreaterThanOrEqual(
        0,
      );
      expect(await valueOf('postgres_pool_waiting')).toBe(0);
    }
  });

  it('counts queued hashes while they wait', async () => {
    app = await bootApp();
    const hashes = app.app.get(PasswordHasher, { strict: false });
    jest.spyOn(hashes, 'load', 'get').mockReturnValue({ running: 2, queued: 5 });
    expect(await valueOf('password_hash_queue', { state: 'running' })).toBe(2);
    expect(await valueOf('password_hash_queue', { state: 'queued' })).toBe(5);
  });

  it('counts active sessions, and expired rows that wait for the clean-up', async () => {
    app = await bootApp();
    const user = await app.newLogin();
    const before = await valueOf('sessions', { state: 'active' });
    expect(before).toBe(1);
    await app.send('DELETE', '/auth/logout2', { token: user.refresh });
    expect(await valueOf('sessions', { state: 'active' })).toBe(0);
    expect(await valueOf('expired_rows', { table: 'sessions' })).toBe(0);
    const expiry = app.app.get(ExpiryService, { strict: false });
    const later = Date.now() + 31 * 86_400_000;
    jest.spyOn(expiry, 'threshold', 'get').mockReturnValue(later);
    expect(await valueOf('expired_rows', { table: 'sessions' })).toBe(1);
  });

  it('shows everything else during an outage of the database', async () => {
    app = await bootApp();
    jest.spyOn(app.app.get(Database), 'count').mockRejectedValue(new Error('down'));
    expect(await valueOf('sessions', { state: 'active' })).toBeUndefined();
    expect(await valueOf('logins_total', { result: 'succeeded' })).toBe(0);
  });

  it('answers in time, and counts rows once, while the database does not answer', async () => {
    app = await bootApp();
    let answer = (_count: number): void => undefined;
    const never = new Promise<number>((resolve) => (answer = resolve));
    const count = jest.spyOn(app.app.get(Database), 'count').mockReturnValue(never);
    const scrapes = await Promise.all([app.get('/metrics'), app.get('/metrics')]);
    for (const { status, text } of scrapes) {
      expect(status).toBe(200);
      expect(text).not.toContain('\nsessions{');
      expect(text).toContain('\nlogins_total{');
    }
    expect(count).toHaveBeenCalledTimes(5);
    answer(7);
    await never;
    expect(await valueOf('sessions', { state: 'active' })).toBe(7);
  });

  it('shows metrics that a feature adds to the registry, or to that of prom-client', async () => {
    @Injectable()
    class Lamps {
      private readonly counter: Counter;
      constructor(metrics: MetricsService) {
        const registers = [metrics.registry];
        this.counter = new Counter({ name: 'lamps_total', help: 'Lamps.', registers });
        this.counter.inc(3);
      }
    }
    @Module({ providers: [Lamps] })
    class LampsModule {}
    const common = new Counter({ name: 'common_lamps_total', help: 'Lamps.' });
    common.inc(4);
    app = await bootApp({}, { imports: [LampsModule] });
    expect(await valueOf('lamps_total')).toBe(3);
    expect(await valueOf('common_lamps_total')).toBe(4);
    globalRegistry.removeSingleMetric('common_lamps_total');
  });

  describe('on METRICS_PORT', () => {
    const ask = (path: string, init: RequestInit = {}) =>
      fetch(`http://127.0.0.1:${app.app.get(MetricsServer, { strict: false }).port}${path}`, init);

    it('is served in production, also to a request that a proxy forwards', async () => {
      app = await bootApp({ ...production, METRICS_PORT: '0' });
      const response = await ask('/metrics', { headers: { 'X-Forwarded-For': '203.0.113.1' } });
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('# TYPE http_request_duration_seconds histogram');
    });

    it('answers HEAD, and refuses other paths and methods', async () => {
      app = await bootApp({ METRICS_PORT: '0' });
      const head = await ask('/metrics?a=b', { method: 'HEAD' });
      expect([head.status, await head.text()]).toEqual([200, '']);
      const other = await ask('/api/users');
      expect([other.status, await other.json()]).toMatchObject([404, { code: 'not_found' }]);
      const post = await ask('/metrics', { method: 'POST' });
      expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    });

    it('is closed when the application has shut down', async () => {
      app = await bootApp({ METRICS_PORT: '0' });
      const { port } = app.app.get(MetricsServer, { strict: false });
      await app.app.close();
      await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow();
    });

    it('prevents the start if the port is taken, and names the setting', async () => {
      const taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const { port } = taken.address() as AddressInfo;
      await expect(bootApp({ METRICS_PORT: String(port) })).rejects.toThrow(
        /EADDRINUSE.*; set METRICS_PORT to a free port, and METRICS_HOST to an address of this machine\.$/,
      );
      taken.close();
      app = await bootApp();
    });
  });
});
