import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import argon2 from 'argon2';
import { PasswordHasher } from '../../../src/passwords/password-hasher.js';
import type { LoggedIn } from '../../support/client.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

/** The duration of each hash of a flood in milliseconds, so that 600 of them take several seconds. */
const HASH = 30;

describe('The hash queue', () => {
  let app: TestApp;
  let attacker: LoggedIn;
  let victim: LoggedIn;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    app = await bootApp({ TRUST_PROXY: '127.0.0.1' });
    attacker = await app.newLogin();
    victim = await app.newLogin();
  });
  afterAll(() => app.close());
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    jest.restoreAllMocks();
  });

  /** Slows verifications down, and returns the verified passwords in their order. */
  function slowHashes(duration = HASH): string[] {
    const verified: string[] = [];
    const { verify } = argon2;
    jest.spyOn(argon2, 'verify').mockImplementation(async (hash, password, options) => {
      verified.push(String(password));
      await sleep(duration);
      return verify(hash, password, options);
    });
    return verified;
  }

  function send(bytes: string): Socket {
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    socket.on('error', () => undefined).resume();
    socket.write(bytes);
    sockets.push(socket);
    return socket;
  }

  const request = (line: string, from: string, json: object, token?: string) => {
    const body = JSON.stringify(json);
    return [
      `${line} HTTP/1.1`,
      'Host: x',
      `X-Forwarded-For: ${from}`,
      ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
  };
  const put = (password: string) => {
    const json = { name: attacker.name, password };
    return request(`PUT /api/users/${attacker.id}`, '203.0.113.7', json, attacker.access);
  };
  const login = (username: string, password: string, from = '203.0.113.7') =>
    request('POST /auth/login', from, { username, password });
  const loginElsewhere = (from = '198.51.100.1') =>
    app.send('POST', '/auth/login', {
      json: { username: victim.name, password: victim.password },
      headers: { 'x-forwarded-for': from },
    });
  const hashing = async (verified: string[]) => {
    while (verified.length === 0) await sleep(5);
  };

  it('serves a login from elsewhere before the rest of 600 pipelined changes', async () => {
    const verified = slowHashes();
    send(put('flood').repeat(600));
    await hashing(verified);
    expect((await loginElsewhere()).status).toBe(200);
    expect(verified.indexOf(victim.password)).toBeGreaterThan(0);
    expect(verified.indexOf(victim.password)).toBeLessThan(60);
  });

  it('serves a login from elsewhere before the rest of 560 connections of one range', async () => {
    const verified = slowHashes();
    for (let i = 0; i < 560; i++) send(login(`unknown ${i}`, 'flood', `203.0.113.${i % 250}`));
    await hashing(verified);
    const before = verified.length;
    expect((await loginElsewhere()).status).toBe(200);
    const index = verified.indexOf(victim.password);
    expect(index).toBeGreaterThan(0);
    expect(index - before).toBeLessThan(100);
    // Requests whose clients have hung up are not hashed.
    for (const socket of sockets) socket.destroy();
    await sleep(20 * HASH);
    expect(verified.length).toBeLessThan(300);
  });

  it('serves a login from elsewhere before the rest of 200 networks of one /48', async () => {
    const verified = slowHashes(100);
    const network = (i: number) => `2001:db8:1:${(i * 256).toString(16)}::1`;
    for (let i = 0; i < 200; i++) send(login(`unknown of ${i}`, 'flood', network(i)));
    const queue = app.app.get(PasswordHasher)['queue'];
    while (queue['queued'] < 150) await sleep(5);
    const before = verified.length;
    expect((await loginElsewhere('2001:db8:2::1')).status).toBe(200);
    const index = verified.indexOf(victim.password);
    expect(index).toBeGreaterThan(0);
    expect(index - before).toBeLessThan(20);
  });

  it('queues four changes of one account, and answers further ones with 429 and Retry-After', async () => {
    const { name, password, access: token } = await app.newLogin();
    const verified = slowHashes(500);
    const { id } = (await app.get('/auth/me', { token })).body;
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        app.send('PUT', `/api/users/${String(id)}`, {
          token,
          json: { name, password },
          headers: { 'x-forwarded-for': `10.0.${i}.1` },
        }),
      ),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    for (const { headers, body } of refused) {
      expect([body.code, headers.get('retry-after')]).toEqual(['too_many_requests', '5']);
    }
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10 - refused.length);
    expect(verified.filter((each) => each === password)).toHaveLength(10 - refused.length);
  });

  it('is not filled by attempts that wait for others of the same account', async () => {
    const verified = slowHashes();
    // From the same range as the other login, because hashes of one range keep their order.
    for (let i = 0; i < 60; i++) send(login(attacker.name, 'wrong guess'));
    await hashing(verified);
    await once(send(login(victim.name, victim.password)), 'data');
    expect(verified).toContain(victim.password);
    expect(verified.filter((password) => password === 'wrong guess').length).toBeLessThan(6);
  });
});
