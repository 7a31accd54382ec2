import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProduct } from './product-server.js';
import { credentials } from './scenarios.js';
import type { ServerProcess } from './server-process.js';
import { median } from './statistics.js';

/** During a flood, a login from elsewhere must take less than this many times its idle time. */
export const MAX_FLOOD_RATIO = 3;
const LOGINS = 15;

/** How long logins from another address range take during one kind of flood, in milliseconds. */
export interface Flood {
  name: string;
  /** The median without a flood. */
  idle: number;
  /** The median during the flood. */
  median: number;
  longest: number;
  /** `median` divided by `idle`. */
  ratio: number;
}

/** Each flood comes from one address range, and lasts until its sockets are destroyed. */
const floods: Record<string, (server: ServerProcess) => Promise<Socket[]>> = {
  'one connection, 600 pipelined updates': async (server) => {
    const { access_token: token } = await logIn(server, '203.0.113.7');
    const json = { name: credentials.username, password: credentials.password };
    const bytes = rawRequest('PUT /api/users/1', '203.0.113.7', json, token);
    return [sendBytes(server, bytes.repeat(600))];
  },
  '560 connections, a login each': async (server) =>
    Array.from({ length: 560 }, (_, i) =>
      sendBytes(server, rawRequest('POST /auth/login', address(i), guess(i))),
    ),
  '560 connections, 16 pipelined logins each': async (server) =>
    Array.from({ length: 560 }, (_, i) => {
      const guesses = Array.from({ length: 16 }, (_, j) => guess(16 * i + j));
      const bytes = guesses
        .map((json) => rawRequest('POST /auth/login', address(i), json))
        .join('');
      return sendBytes(server, bytes);
    }),
};
const address = (index: number) => `203.0.113.${index % 250}`;
const guess = (index: number) => ({ username: `unknown ${index}`, password: 'a wrong one' });

export async function measureFloods(folder: string): Promise<Flood[]> {
  const results: Flood[] = [];
  for (const [name, start] of Object.entries(floods)) {
    const settings = { TRUST_PROXY: '127.0.0.1' };
    const server = await startProduct(folder, `floods-${results.length}`, { settings });
    const idle = median(await measureLogins(server));
    const sockets = await start(server);
    await sleep(200);
    const times = await measureLogins(server);
    for (const socket of sockets) socket.destroy();
    await server.stop();
    const flooded = median(times);
    results.push({
      name,
      idle,
      median: flooded,
      longest: Math.max(...times),
      ratio: flooded / idle,
    });
  }
  return results;
}

async function measureLogins(server: ServerProcess): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < LOGINS; i++) {
    const start = performance.now();
    await logIn(server, '198.51.100.1');
    times.push(performance.now() - start);
  }
  return times;
}

async function logIn({ origin }: ServerProcess, from: string) {
  const response = await fetch(`${origin}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': from },
    body: JSON.stringify(credentials),
  });
  if (response.status !== 200) throw new Error(`POST /auth/login: ${response.status}.`);
  return (await response.json()) as { access_token: string };
}

function sendBytes({ origin }: ServerProcess, bytes: string): Socket {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  socket.on('error', () => undefined).resume();
  socket.write(bytes);
  return socket;
}

function rawRequest(line: string, from: string, json: object, token?: string): string {
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
}
