import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import argon2 from 'argon2';
import { AuditEntry } from '../../../src/audit/audit-entry.entity.js';
import { valuesOf } from '../../../src/validation/columns.js';
import { Crate } from '../../support/fixture/crate.entity.js';
import { CratesService } from '../../support/fixture/crates.service.js';
import type { LoggedIn } from '../../support/client.js';
import { crate } from '../../support/fixture/crates.js';
import { bootFixtureApp } from '../../support/fixture-app.js';
import type { TestApp } from '../../support/test-app.js';

/** The timeout for a client that does not read, in milliseconds. */
const UNREAD = 2500;

describe('Connections', () => {
  let app: TestApp;
  let user: LoggedIn;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    app = await bootFixtureApp({}, { timeouts: { unread: UNREAD, checkInterval: 50 } });
    user = await app.newLogin();
    // The rows fill several pages of the maximum size.
    await app.sql(async (manager) => {
      for (let i = 0; i < 40; i++) {
        const values = valuesOf(Crate, { ...crate, label: 'x'.repeat(100_000) });
        await manager.insert(Crate, values);
      }
    });
  });
  afterAll(() => app.close());
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    jest.restoreAllMocks();
  });

  /** Opens a connection, and returns both of its ends. */
  async function open(to = app): Promise<{ client: Socket; server: Socket }> {
    const accepted = once(to.app.getHttpServer(), 'connection') as Promise<[Socket]>;
    const client = connect(Number(new URL(to.url).port), '127.0.0.1');
    client.on('error', () => undefined);
    sockets.push(client);
    const [server] = await accepted;
    return { client, server };
  }

  const get = (path: string, ...lines: string[]) =>
    ['GET ' + path + ' HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n');
  const put = (json: string) =>
    [
      `PUT /api/users/${user.id} HTTP/1.1`,
      'Host: x',
      `Authorization: Bearer ${user.access}`,
      'Content-Type: application/json',
      `Content-Length: ${json.length}`,
      '',
      json,
    ].join('\r\n');
  const statuses = (answer: string) =>
    [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
  /** Everything that the service sends until it closes the connection. */
  const allOf = async (client: Socket): Promise<string> => {
    let answer = '';
    client.on('data', (chunk) => (answer += chunk.toString('latin1')));
    await once(client, 'close');
    return answer;
  };
  const LARGE = '/api/crates?sort=-id&limit=40';

  it('answers pipelined requests in order, however many are sent at once', async () => {
    const { client } = await open();
    const answers: Record<string, number> = {
      '/nowhere': 404,
      '/api/crates/1': 200,
      '/auth/me': 401,
    };
    const paths = Array.from({ length: 100 }, (_, i) => Object.keys(answers)[i % 3]!);
    client.write(paths.map((path) => get(path)).join('') + get('/docs/x', 'Connection: close'));
    const expected = [...paths.map((path) => answers[path]), 404];
    expect(statuses(await allOf(client))).toEqual(expected);
  });

  it('handles one pipelined request at a time', async () => {
    let running = 0;
    let most = 0;
    const crates = app.app.get(CratesService, { strict: false });
    const real = crates.get.bind(crates);
    jest.spyOn(crates, 'get').mockImplementation(async (id) => {
      most = Math.max(most, ++running);
      await sleep(5);
      running--;
      return real(id);
    });
    const { client } = await open();
    client.write(get('/api/crates/1').repeat(20) + get('/nowhere', 'Connection: close'));
    expect(statuses(await allOf(client))).toHaveLength(21);
    expect(most).toBe(1);
  });

  it('stops reading from a connection while sixteen of its requests wait for answers', async () => {
    const crates = app.app.get(CratesService, { strict: false });
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const real = crates.get.bind(crates);
    const first = jest.spyOn(crates, 'get').mockImplementationOnce(async (id) => {
      await released;
      return real(id);
    });
    const { client, server } = await open();
    // Each request is sent in a chunk of its own.
    for (let i = 0; i < 100; i++) {
      client.write(get('/api/crates/1', `X-Padding: ${'x'.repeat(4000)}`));
      await sleep(2);
    }
    await sleep(100);
    const { bytesRead } = server;
    expect(bytesRead).toBeGreaterThanOrEqual(16 * 4000);
    expect(bytesRead).toBeLessThan(16 * 4000 + 100_000);
    expect(first).toHaveBeenCalledTimes(1);
    release();
    client.write(get('/nowhere', 'Connection: close'));
    expect(statuses(await allOf(client))).toEqual([...Array<number>(100).fill(200), 404]);
  });

  it('closes the connection of a client that sends hundreds of requests in one chunk', async () => {
    const { client, server } = await open();
    client.write(get('/').repeat(1500));
    await once(server, 'close');
  });

  it('drops the pipelined requests of a client that has disconnected', async () => {
    const verify = jest.spyOn(argon2, 'verify');
    const { client, server } = await open();
    const json = JSON.stringify({ name: user.name, password: user.password });
    client.write(put(json).repeat(15));
    await once(app.app.getHttpServer(), 'request');
    client.destroy();
    await once(server, 'close');
    await sleep(100);
    expect(verify.mock.calls.length).toBeLessThanOrEqual(2);
  });

  it('closes the connection of a client that does not read its answer', async () => {
    const { client, server } = await open();
    client.pause();
    client.write(get(LARGE).repeat(15));
    await once(server, 'close');
    expect(server.bytesWritten).toBeGreaterThan(100_000);
  });

  it('buffers at most one answer for a client that does not read', async () => {
    const lists = jest.spyOn(app.app.get(CratesService, { strict: false }), 'list');
    const { client, server } = await open();
    client.pause();
    client.write(get(LARGE).repeat(15));
    let most = 0;
    const timer = setInterval(() => (most = Math.max(most, server.writableLength)), 1);
    await once(server, 'close');
    clearInterval(timer);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(1024 * 1024);
    expect(lists.mock.calls.length).toBeLessThan(15);
  });

  it('keeps the connection of a client that reads slowly', async () => {
    const { client, server } = await open();
    let read = 0;
    client.on('data', (chunk) => {
      read += chunk.length;
      client.pause();
      setTimeout(() => client.resume(), 20);
    });
    const begin = performance.now();
    client.write(get(LARGE).repeat(39) + get(LARGE, 'Connection: close'));
    await Promise.all([once(server, 'close'), once(client, 'close')]);
    expect(performance.now() - begin).toBeGreaterThan(UNREAD * 1.2);
    expect(read).toBeGreaterThan(40 * 400_000);
  });

  it.each([
    ['a path', '/nowhere', 0, 400],
    ['a path that is not a valid URL', '/%zz', 0, 400],
    ['too many headers', '/nowhere', 105, 431],
  ])(
    'closes the connection after an HTTP/1.0 request with Transfer-Encoding and %s',
    async (_, path, headers, status) => {
      const { client } = await open();
      const create = jest.spyOn(app.app.get(CratesService, { strict: false }), 'get');
      client.write(
        `POST ${path} HTTP/1.0\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n` +
          'x: y\r\n'.repeat(headers) +
          'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n' +
          get('/api/crates/1'),
      );
      const answer = await allOf(client);
      expect(statuses(answer)).toEqual([status]);
      expect(answer).toMatch(/\r\nconnection: close\r\n/i);
      expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({
        statusCode: status,
      });
      expect(create).not.toHaveBeenCalled();
    },
  );

  it('records the address of a client that resets the connection', async () => {
    const { id, access } = await app.newLogin();
    const { client, server } = await open();
    // After a reset, the system no longer knows the address of the connection.
    const { _handle: handle } = server as unknown as { _handle: { getpeername: () => number } };
    handle.getpeername = () => -constants.errno.ENOTCONN;
    client.write(
      `DELETE /auth/logout HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${access}\r\nConnection: close\r\n\r\n`,
    );
    expect(statuses(await allOf(client))).toEqual([200]);
    const { ip } = await app.sql((manager) =>
      manager.findOneByOrFail(AuditEntry, { event: 'logout', userId: id }),
    );
    expect(ip).toMatch(/127\.0\.0\.1$/);
  });

  it.each([
    ['malformed chunks', 'Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n'],
    ['an unknown transfer coding', 'Transfer-Encoding: xchunked\r\n\r\n'],
  ])('sends one answer to a request that is refused before its body with %s', async (_, rest) => {
    const { client } = await open();
    const head = `POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
    client.write(head + rest);
    expect(statuses(await allOf(client))).toHaveLength(1);
  });

  /** Blocks requests for a crate until the returned function is called. */
  const holdCrates = (of: TestApp) => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const crates = of.app.get(CratesService, { strict: false });
    const real = crates.get.bind(crates);
    jest.spyOn(crates, 'get').mockImplementation(async (id) => {
      await released;
      return real(id);
    });
    return release;
  };
  const begin = async (of: TestApp, client: Socket, path = '/api/crates/1') => {
    const requested = once(of.app.getHttpServer(), 'request');
    client.write(get(path, 'Connection: close'));
    await requested;
  };

  it('closes connections beyond MAX_CONNECTIONS at once if all are busy, and accepts new ones later', async () => {
    const small = await bootFixtureApp({ MAX_CONNECTIONS: '3' });
    const release = holdCrates(small);
    const taken = [await open(small), await open(small), await open(small)];
    for (const { client } of taken) await begin(small, client);
    const answers = taken.map(({ client }) => allOf(client));
    const refused = [1, 2, 3].map(() => {
      const client = connect(Number(new URL(small.url).port), '127.0.0.1');
      client.on('error', () => undefined);
      client.write(get('/nowhere', 'Connection: close'));
      let answer = '';
      client.on('data', (chunk) => (answer += chunk.toString('latin1')));
      return new Promise<string>((resolve) => client.once('close', () => resolve(answer)));
    });
    expect(await Promise.all(refused)).toEqual(['', '', '']);
    release();
    for (const answer of await Promise.all(answers)) expect(statuses(answer)).toEqual([200]);
    const { client } = await open(small);
    client.write(get('/api/crates/1', 'Connection: close'));
    expect(statuses(await allOf(client))).toEqual([200]);
    await small.close();
  });

  it('closes the connections that have been idle the longest beyond MAX_CONNECTIONS', async () => {
    const small = await bootFixtureApp({ MAX_CONNECTIONS: '3' });
    const release = holdCrates(small);
    const [busy, used, unused] = [await open(small), await open(small), await open(small)];
    await begin(small, busy.client);
    const busyAnswer = allOf(busy.client);
    used.client.write(get('/nowhere'));
    await once(used.client, 'data');
    // An incomplete head does not count as a request.
    unused.client.write('\r\n\r\nGET /');
    await sleep(50);
    const gone: string[] = [];
    used.client.once('close', () => gone.push('used'));
    unused.client.once('close', () => gone.push('unused'));
    for (let i = 0; i < 2; i++) {
      const { client } = await open(small);
      await begin(small, client);
      while (gone.length <= i) await sleep(5);
    }
    expect(gone).toEqual(['unused', 'used']);
    release();
    expect(statuses(await busyAnswer)).toEqual([200]);
    await small.close();
  });

  it('serves another client while one holds all of MAX_CONNECTIONS idle', async () => {
    const small = await bootFixtureApp({ MAX_CONNECTIONS: '10' });
    for (let i = 0; i < 30; i++) await open(small);
    const { client } = await open(small);
    client.write(get('/api/crates/1', 'Connection: close'));
    expect(statuses(await allOf(client))).toEqual([200]);
    await small.close();
  });

  it('closes a connection after keepAlive without a request, even if line breaks arrive', async () => {
    const timeouts = { keepAlive: 1000, checkInterval: 50 };
    const small = await bootFixtureApp({}, { timeouts });
    const { client, server } = await open(small);
    client.write(get('/nowhere'));
    const [answer] = (await once(client, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/\r\nkeep-alive: timeout=1\r\n/i);
    const begin = performance.now();
    const trickle = setInterval(() => client.write('\r\n'), 100);
    const closed = once(server, 'close').then(() => 'closed');
    expect(await Promise.race([closed, sleep(5000, 'open')])).toBe('closed');
    clearInterval(trickle);
    expect(performance.now() - begin).toBeGreaterThan(900);
    await small.close();
  });
});
