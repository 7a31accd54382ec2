import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadSqliteDriver } from '../../../src/database/sqlite/sqlite-driver.js';
import { ServiceProcess } from '../../support/process.js';
import { SECRET } from '../../support/test-app.js';
import { createDatabase, type TestDatabase } from '../../support/test-database.js';

interface Answer {
  status: number;
  connection: string | undefined;
  body: string;
}

describe('A shutdown', () => {
  let database: TestDatabase;
  let service: ServiceProcess;
  let origin: string;
  const agents: Agent[] = [];

  beforeEach(async () => {
    database = await createDatabase();
  });
  afterEach(async () => {
    for (const agent of agents.splice(0)) agent.destroy();
    await service.kill('SIGKILL');
    await database.drop();
  });

  const start = async (env: Record<string, string>): Promise<void> => {
    service = ServiceProcess.spawn({ ...database.settings, JWT_SECRET_KEY: SECRET, ...env });
    origin = (await service.client()).url;
  };
  const connection = (): Agent => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    agents.push(agent);
    return agent;
  };
  /** Sends a request on a new connection, or on the connection of the agent. */
  const send = async (path: string, agent?: Agent, json?: object): Promise<Answer> => {
    const outgoing = request(origin + path, {
      method: json ? 'POST' : 'GET',
      headers: json ? { 'content-type': 'application/json' } : {},
      ...(agent && { agent }),
    });
    outgoing.end(json && JSON.stringify(json));
    const [incoming] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage];
    let body = '';
    for await (const chunk of incoming) body += String(chunk);
    return { status: incoming.statusCode!, connection: incoming.headers.connection, body };
  };

  it('fails readiness at once on a signal, serves requests for SHUTDOWN_DELAY, and exits with 0', async () => {
    await start({ SHUTDOWN_DELAY: '2s' });
    const [used, idle] = [connection(), connection()];
    for (const agent of [used, idle]) {
      expect((await send('/api/users', agent)).connection).toBe('keep-alive');
    }
    const begun = performance.now();
    const exit = service.kill('SIGTERM');
    // A terminal and npm may both deliver the same signal.
    service.child.kill('SIGTERM');
    await service.saying('Received SIGTERM');
    const ready = await send('/health/ready');
    expect([ready.status, ready.connection]).toEqual([503, 'close']);
    expect(ready.body).toContain('The service is shutting down.');
    expect((await send('/health/live')).status).toBe(200);
    const served = await send('/api/users', used);
    expect([served.status, served.connection]).toEqual([200, 'close']);
    // The service still serves idle connections after it has closed the listening socket.
    const port = Number(new URL(origin).port);
    for (let refused = false; !refused;) {
      const socket = connect(port, '127.0.0.1');
      refused = await once(socket, 'connect').then(
        () => false,
        () => true,
      );
      socket.destroy();
      await sleep(20);
    }
    expect(performance.now() - begun).toBeGreaterThan(1_900);
    expect((await send('/api/users', idle)).connection).toBe('close');
    expect(await exit).toBe(0);
  });

  it('stops the removal of expired rows at shutdown, however many are left', async () => {
    await start({});
    await service.kill('SIGKILL');
    const { Sqlite } = loadSqliteDriver();
    const tokens = new Sqlite(join(database.folder, 'app.sqlite'));
    tokens.exec(
      `INSERT INTO revoked_tokens (jti, expires_at) WITH RECURSIVE n(i) AS
       (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT 'expired ' || i, 1 FROM n`,
    );
    await start({});
    expect(await service.kill('SIGTERM')).toBe(0);
    const { left } = tokens.prepare('SELECT count(*) AS left FROM revoked_tokens').get() as {
      left: number;
    };
    tokens.close();
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(200_000);
    // On a busy machine, two starts take long.
  }, 60_000);

  it('answers queued logins and a request whose body is still arriving before it exits', async () => {
    await start({});
    const client = await service.client();
    const users = [await client.newUser(), await client.newUser()];
    const logins = Array.from({ length: 40 }, (_, i) => {
      const { name, password } = users[i % 2]!;
      return send('/auth/login', undefined, { username: name, password });
    });
    const socket = connect(Number(new URL(origin).port), '127.0.0.1');
    const body = JSON.stringify({ name: 'late', password: 'a long way from home' });
    const head = `POST /api/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
    socket.write(`${head}\r\n\r\n${body.slice(0, 10)}`);
    await logins[0];
    const exit = service.kill('SIGTERM');
    await service.saying('Received SIGTERM');
    await sleep(100);
    socket.write(body.slice(10));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(String(answer)).toMatch(/^HTTP\/1.1 201 /);
    const statuses = (await Promise.all(logins)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await exit).toBe(0);
    socket.destroy();
  });
});
