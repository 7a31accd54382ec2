import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceProcess } from '../support/process.js';
import { SECRET } from '../support/test-app.js';
import { createDatabase, type TestDatabase } from '../support/test-database.js';

const credentials = { username: 'anna', password: 'correct horse 7' };

interface Answer {
  status: number;
  body: { access_token: string; refresh_token: string; id: number };
}

describe('A service with two workers', () => {
  let database: TestDatabase;
  let service: ServiceProcess;
  let origin: string;
  let agents: Agent[];

  beforeEach(async () => {
    agents = [];
    database = await createDatabase();
  });
  afterEach(async () => {
    for (const agent of agents) agent.destroy();
    await service.kill('SIGKILL');
    await database.drop();
  });

  const start = async (env: Record<string, string> = {}): Promise<void> => {
    service = ServiceProcess.spawn({
      ...database.settings,
      ...{ JWT_SECRET_KEY: SECRET, NODE_ENV: 'production', WORKERS: '2', METRICS_PORT: '0' },
      ...env,
    });
    origin = (await service.client()).url;
    await service.saying('All 2 workers serve requests');
  };
  /** Connections are given to the workers in turn. */
  const connect = (): Agent => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    agents.push(agent);
    return agent;
  };
  const send = async (
    agent: Agent,
    method: string,
    path: string,
    { json, token }: { json?: object; token?: string } = {},
  ): Promise<Answer> => {
    const headers = {
      ...(json && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const outgoing = request(origin + path, { agent, method, headers });
    outgoing.end(json && JSON.stringify(json));
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of incoming) text += String(chunk);
    const body = (text.startsWith('{') ? JSON.parse(text) : {}) as Answer['body'];
    return { status: incoming.statusCode!, body };
  };
  const register = async (agent: Agent) => {
    const json = { name: credentials.username, password: credentials.password };
    expect((await send(agent, 'POST', '/api/users', { json })).status).toBe(201);
  };
  const logIn = async (agent: Agent) => {
    const { status, body } = await send(agent, 'POST', '/auth/login', { json: credentials });
    expect(status).toBe(200);
    return body;
  };
  const metrics = async (): Promise<string> => {
    const url = await service.saying(/"Metrics: (http:[^"]+)"/);
    return (await fetch(url)).text();
  };
  /** The sum of the values of a metric. */
  const sumOf = async (pattern: RegExp): Promise<number> =>
    (await metrics())
      .split('\n')
      .filter((line) => pattern.test(line))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  const workerIds = (): number[] => {
    const output = execFileSync('pgrep', ['-P', String(service.child.pid)], { encoding: 'utf8' });
    return output.trim().split('\n').map(Number);
  };
  const isRunning = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  /** How many requests each process has logged. */
  const requestsByProcess = (): Map<number, number> => {
    const lines = service.output.split('\n').filter((line) => line.includes('"context":"Request"'));
    const counts = new Map<number, number>();
    for (const line of lines) {
      const { pid } = JSON.parse(line) as { pid: number };
      counts.set(pid, (counts.get(pid) ?? 0) + 1);
    }
    return counts;
  };

  it('shares connections, sessions and counters among the workers', async () => {
    await start();
    const connections = [connect(), connect(), connect(), connect()];
    await register(connections[0]!);
    const { access_token: token } = await logIn(connections[1]!);
    for (const agent of connections) {
      for (let i = 0; i < 5; i++) {
        expect((await send(agent, 'GET', '/auth/me', { token })).status).toBe(200);
      }
    }
    expect((await send(connections[2]!, 'DELETE', '/auth/logout', { token })).status).toBe(200);
    for (const agent of connections) {
      expect((await send(agent, 'GET', '/auth/me', { token })).status).toBe(401);
    }
    expect(await sumOf(/^http_request_duration_seconds_count\{.*route="\/auth\/me"/)).toBe(24);
    expect(await sumOf(/^logins_total\{result="succeeded"\}/)).toBe(1);
    expect(await sumOf(/^sessions\{state="active"\}/)).toBe(1);
    expect(await sumOf(/^workers /)).toBe(2);
    while (requestsByProcess().size < 2) await sleep(10);
  });

  it('counts AUTH_RATE_LIMIT and USER_RATE_LIMIT for all workers together', async () => {
    await start({ AUTH_RATE_LIMIT: '4', USER_RATE_LIMIT: '6' });
    const connections = Array.from({ length: 8 }, connect);
    await register(connections[0]!);
    const { access_token: token } = await logIn(connections[1]!);
    const json = { ...credentials, password: 'wrong password' };
    const logins = connections.map((agent) => send(agent, 'POST', '/auth/login', { json }));
    const statuses = (await Promise.all(logins)).map(({ status }) => status).sort();
    expect(statuses).toEqual([401, 401, 429, 429, 429, 429, 429, 429]);
    const writes = connections.map((agent) =>
      send(agent, 'PUT', '/api/users/1', { token, json: {} }),
    );
    const refused = (await Promise.all(writes)).filter(({ status }) => status === 429);
    expect(refused).toHaveLength(2);
  });

  it('loses no acknowledged write when a worker is killed, and replaces it', async () => {
    await start({ AUTH_RATE_LIMIT: '0', USER_RATE_LIMIT: '0' });
    const connections = Array.from({ length: 8 }, connect);
    await register(connections[0]!);
    const sessions = await Promise.all(connections.map(logIn));
    let isOver = false;
    let acknowledged = 0;
    const failures: { client: number; error: unknown }[] = [];
    // A client repeats a refresh that got no response. A lost write would end its session.
    const clients = sessions.map(async ({ refresh_token }, index) => {
      let token = refresh_token;
      while (!isOver) {
        try {
          const { status, body } = await send(connections[index]!, 'POST', '/auth/refresh', {
            token,
          });
          expect(status).toBe(200);
          token = body.refresh_token;
          acknowledged++;
        } catch (error) {
          failures.push({ client: index, error });
        }
      }
    });
    const untilAcknowledged = async (count: number) => {
      while (acknowledged < count && failures.length < 100) await sleep(5);
    };
    await untilAcknowledged(50);
    const [first] = workerIds();
    process.kill(first!, 'SIGKILL');
    await service.saying(`Worker ${first} has ended`);
    await untilAcknowledged(acknowledged + 50);
    while ((await sumOf(/^workers /)) < 2) await sleep(20);
    await untilAcknowledged(acknowledged + 50);
    isOver = true;
    await Promise.all(clients);
    // Each connection to that worker had one request under way at most.
    const failed = failures.map(({ client }) => client);
    expect(failed).toEqual([...new Set(failed)]);
    expect(failed.length).toBeLessThan(connections.length);
    const code: unknown = expect.stringMatching(/^(ECONNRESET|EPIPE)$/);
    for (const { error } of failures) expect(error).toMatchObject({ code });
    expect(await sumOf(/^worker_exits_total /)).toBe(1);
    expect(await sumOf(/^refreshes_total\{result="reused"\}/)).toBe(0);
    expect(workerIds()).not.toContain(first);
  });

  it('finishes the requests of all workers on SIGTERM, and exits with 0', async () => {
    await start();
    const connections = Array.from({ length: 8 }, connect);
    const started = connections.map((agent, index) => {
      const json = { name: `user-${index}`, password: credentials.password };
      return send(agent, 'POST', '/api/users', { json });
    });
    await sleep(20);
    const workers = workerIds();
    const end = service.kill('SIGTERM');
    expect((await Promise.all(started)).map(({ status }) => status)).toEqual(Array(8).fill(201));
    expect(await end).toBe(0);
    expect(workers.filter(isRunning)).toEqual([]);
  });

  it('ends its workers if the primary is killed', async () => {
    await start();
    const workers = workerIds();
    expect(workers).toHaveLength(2);
    await service.kill('SIGKILL');
    while (workers.some(isRunning)) await sleep(10);
  });

  it('exits with 1 and the reason if it cannot start', async () => {
    service = ServiceProcess.spawn({
      ...{ JWT_SECRET_KEY: SECRET, NODE_ENV: 'production', WORKERS: '2' },
      DATABASE_URL: 'postgres://postgres@127.0.0.1:1/none',
    });
    expect(await service.exit()).toBe(1);
    expect(service.output).toContain('The PostgreSQL server of DATABASE_URL cannot be used');
    expect(service.output).not.toContain('another one starts');
  });
});
