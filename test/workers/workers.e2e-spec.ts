import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ServiceProcess } from '../support/process.js';
import { SECRET } from '../support/test-app.js';
import { credentials, WorkerService } from './worker-service.js';

describe('A service with two workers', () => {
  let service: WorkerService;

  afterEach(() => service.end());

  /** The ids of the processes that have logged requests. */
  const servingIds = (): Set<number> => {
    const lines = service.process.output.split('\n');
    const requests = lines.filter((line) => line.includes('"context":"Request"'));
    return new Set(requests.map((line) => (JSON.parse(line) as { pid: number }).pid));
  };

  it('shares connections, sessions and counters among the workers', async () => {
    service = await WorkerService.start();
    const connections = Array.from({ length: 4 }, () => service.connect());
    await service.register(connections[0]!);
    const { access_token: token } = await service.logIn(connections[1]!);
    for (const agent of connections) {
      for (let i = 0; i < 5; i++) {
        expect((await service.send(agent, 'GET', '/auth/me', { token })).status).toBe(200);
      }
    }
    const loggedOut = await service.send(connections[2]!, 'DELETE', '/auth/logout', { token });
    expect(loggedOut.status).toBe(200);
    for (const agent of connections) {
      expect((await service.send(agent, 'GET', '/auth/me', { token })).status).toBe(401);
    }
    const requests = /^http_request_duration_seconds_count\{.*route="\/auth\/me"/;
    expect(await service.sumOf(requests)).toBe(24);
    expect(await service.sumOf(/^logins_total\{result="succeeded"\}/)).toBe(1);
    expect(await service.sumOf(/^sessions\{state="active"\}/)).toBe(1);
    expect(await service.sumOf(/^workers /)).toBe(2);
    while (servingIds().size < 2) await sleep(10);
  });

  it('counts AUTH_RATE_LIMIT and USER_RATE_LIMIT for all workers together', async () => {
    service = await WorkerService.start({ AUTH_RATE_LIMIT: '4', USER_RATE_LIMIT: '6' });
    const connections = Array.from({ length: 8 }, () => service.connect());
    await service.register(connections[0]!);
    const { access_token: token } = await service.logIn(connections[1]!);
    const json = { ...credentials, password: 'wrong password' };
    const logins = connections.map((agent) => service.send(agent, 'POST', '/auth/login', { json }));
    const statuses = (await Promise.all(logins)).map(({ status }) => status).sort();
    expect(statuses).toEqual([401, 401, 429, 429, 429, 429, 429, 429]);
    const writes = connections.map((agent) =>
      service.send(agent, 'PUT', '/api/users/1', { token, json: {} }),
    );
    const refused = (await Promise.all(writes)).filter(({ status }) => status === 429);
    expect(refused).toHaveLength(2);
  });

  it('divides MAX_CONNECTIONS among the workers', async () => {
    service = await WorkerService.start({ MAX_CONNECTIONS: '4' });
    const connections = Array.from({ length: 8 }, () => service.connect());
    for (const agent of connections) {
      expect((await service.send(agent, 'GET', '/health/ready')).status).toBe(200);
    }
    // A new connection replaces an idle one.
    const open = () => connections.flatMap(({ freeSockets }) => Object.values(freeSockets).flat());
    while (open().length !== 4) await sleep(10);
  });
});

describe('A service with workers that cannot start', () => {
  it('exits with 1 and the reason', async () => {
    const service = ServiceProcess.spawn({
      ...{ JWT_SECRET_KEY: SECRET, NODE_ENV: 'production', WORKERS: '2' },
      DATABASE_URL: 'postgres://postgres@127.0.0.1:1/none',
    });
    expect(await service.exit()).toBe(1);
    expect(service.output).toContain('The PostgreSQL server of DATABASE_URL cannot be used');
    expect(service.output).not.toContain('another one starts');
  });
});
