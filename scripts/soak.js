/**
 * Puts a steady, mixed load on a process in production, and tells whether its heap, its open files,
 * the write-ahead log or its log grow.
 *
 *     npm run build && node scripts/soak.js [--minutes 10] [--database postgres://…]
 *
 * The growth is the median slope between the lowest values of each tenth of the time after a warm-up,
 * extrapolated to a day. The exit code is 1 if something grows beyond its bound, or if a request failed.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const CLIENTS = 8;
/** Milliseconds between two requests of a client. */
const PAUSE = 5;
/** A collection of garbage takes about 50 ms. */
const SAMPLE_INTERVAL = 1_000;
const DAY = 86_400;
const WINDOWS = 10;
const MIB = 1024 * 1024;

/**
 * Loaded into the service and its threads: collects the garbage and answers with the size of the heap. Otherwise a short
 * run would compare the garbage of different moments.
 */
const MEASURE_HEAP = `data:text/javascript,
  process.on('message', () => { gc(); process.send(process.memoryUsage().heapUsed); });
  process.channel?.unref();`;

/** What is watched: its unit, and by how much it may be higher at the end than at the beginning. */
const WATCHED = {
  heap: { metric: null, unit: MIB, name: 'heap after a collection, MiB', bound: 8 },
  memory: { metric: 'process_resident_memory_bytes', unit: MIB, name: 'memory, MiB', bound: 64 },
  files: { metric: 'process_open_fds', unit: 1, name: 'open files', bound: 3 },
  wal: { metric: 'sqlite_wal_bytes', unit: MIB, name: 'write-ahead log, MiB', bound: 8 },
  log: { metric: null, unit: 1024, name: 'log, KiB', bound: 8 },
};

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    database: { type: 'string' },
  },
});
const duration = Number(options.minutes) * 60_000;

const folder = mkdtempSync(join(tmpdir(), 'nest-rest-jwt-soak-'));
const log = join(folder, 'log');
const service = start();
process.once('exit', () => service.kill('SIGKILL'));
let failed = 0;
let requests = 0;
try {
  const { url, metricsUrl } = await addresses();
  const stop = new AbortController();
  const clients = Array.from({ length: CLIENTS }, (_, index) => runClient(url, index, stop.signal));
  const samples = await collect(metricsUrl);
  stop.abort();
  await Promise.all(clients);
  process.exitCode = report(samples) && failed === 0 ? 0 : 1;
} finally {
  service.kill('SIGTERM');
  if (service.exitCode === null) await once(service, 'exit');
  rmSync(folder, { recursive: true, force: true });
}

function start() {
  const output = openSync(log, 'w');
  const script = fileURLToPath(new URL('../dist/src/main.js', import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', '--import', MEASURE_HEAP, script], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      PORT: '0',
      HOST: '127.0.0.1',
      METRICS_PORT: '0',
      DATABASE_URL: options.database ?? `sqlite:${join(folder, 'soak.sqlite')}`,
      DATABASE_CREATE: 'true',
      JWT_SECRET_KEY: randomBytes(48).toString('base64url'),
      JWT_ACCESS_TOKEN_EXPIRES: '1m',
      AUTH_RATE_LIMIT: '0',
      USER_RATE_LIMIT: '0',
      SHUTDOWN_DELAY: '0s',
      // With a line for each request, the log would grow with the load.
      REQUEST_LOG_LEVEL: 'error',
    },
    stdio: ['ignore', output, output, 'ipc'],
  });
  closeSync(output);
  return child;
}

async function addresses() {
  for (;;) {
    const text = readFileSync(log, 'utf8');
    const url = /The API is at (https?:\/\/[^\s/"]+)/.exec(text)?.[1];
    const metricsUrl = /Metrics: (https?:\/\/[^\s"]+)/.exec(text)?.[1];
    if (url && metricsUrl) return { url, metricsUrl };
    if (service.exitCode !== null) throw new Error(`The service did not start:\n${text}`);
    await sleep(100);
  }
}

/** A user who logs in, reads, writes, refreshes, makes mistakes and logs out. */
async function runClient(url, index, signal) {
  const send = async (expected, method, path, { token, json } = {}) => {
    await sleep(PAUSE);
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(json && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
      },
      ...(json && { body: JSON.stringify(json) }),
    });
    const text = await response.text();
    requests++;
    if (response.status !== expected) {
      failed++;
      console.error(`${method} ${path} was ${response.status} instead of ${expected}: ${text}`);
    }
    return text === '' ? {} : JSON.parse(text);
  };
  const user = { name: `soak ${index}`, password: `a long password ${index}` };
  const { id } = await send(201, 'POST', '/api/users', { json: user });
  const login = { username: user.name, password: user.password };
  while (!signal.aborted) {
    let pair = await send(200, 'POST', '/auth/login', { json: login });
    for (let round = 0; round < 20 && !signal.aborted; round++) {
      const token = pair.access_token;
      for (let read = 0; read < 10; read++) {
        await send(200, 'GET', '/auth/me', { token });
        await send(200, 'GET', `/api/users/${id}`, { token });
      }
      await send(200, 'GET', '/auth/sessions', { token });
      await send(404, 'GET', `/no/such/path/${round}`);
      await send(401, 'GET', '/auth/me', { token: `${token}x` });
      await send(400, 'POST', '/api/users', { json: { name: 1 } });
      pair = await send(200, 'POST', '/auth/refresh', { token: pair.refresh_token });
    }
    await send(200, 'DELETE', '/auth/logout2', { token: pair.refresh_token });
  }
}

async function collect(metricsUrl) {
  const samples = [];
  const end = Date.now() + duration;
  while (Date.now() < end) {
    const text = await (await fetch(metricsUrl)).text();
    const sample = { time: Date.now() / 1000 };
    for (const [name, { metric, unit }] of Object.entries(WATCHED)) {
      const line = metric && new RegExp(`^${metric} (\\S+)`, 'm').exec(text)?.[1];
      if (line) sample[name] = Number(line) / unit;
    }
    sample.heap = (await heapSize()) / MIB;
    sample.log = statSync(log).size / 1024;
    samples.push(sample);
    await sleep(SAMPLE_INTERVAL);
  }
  return samples;
}

async function heapSize() {
  service.send('measure');
  const [bytes] = await once(service, 'message');
  return bytes;
}

/** Prints a table. Returns whether nothing has grown beyond its bound. */
function report(samples) {
  // Caches fill, and code is compiled, in the first third.
  const steady = samples.slice(Math.floor(samples.length / 3));
  const rows = Object.entries(WATCHED)
    .filter(([name]) => name in steady[0])
    .map(([name, { name: title, bound }]) => {
      const floors = floorsOf(steady, name);
      const [first, last] = [Math.min(...floors.slice(0, 3)), Math.min(...floors.slice(-3))];
      return { title, first, last, day: slope(floors) * DAY, ok: last - first <= bound };
    });
  console.log(`\n${requests} requests in ${options.minutes} min, ${failed} failed\n`);
  console.log('| watched | after the warm-up | at the end | slope, extrapolated to a day | |');
  console.log('| --- | ---: | ---: | ---: | --- |');
  for (const { title, first, last, day, ok } of rows) {
    const cells = [first, last, day].map((value) => value.toFixed(1));
    console.log(`| ${title} | ${cells.join(' | ')} | ${ok ? 'ok' : 'grows'} |`);
  }
  return rows.every(({ ok }) => ok);
}

/** The lowest value of each window, which is that after a garbage collection or a checkpoint. */
function floorsOf(samples, name) {
  const size = Math.max(1, Math.floor(samples.length / WINDOWS));
  return Array.from({ length: WINDOWS }, (_, index) =>
    samples.slice(index * size, (index + 1) * size),
  )
    .filter((window) => window.length > 0)
    .map((window) => Math.min(...window.map((sample) => sample[name])));
}

/** The median slope between two windows (Theil and Sen), in units a second. */
function slope(floors) {
  const step = (duration / 1000) * (2 / 3 / WINDOWS);
  const slopes = floors
    .flatMap((value, index) =>
      floors.slice(index + 1).map((later, next) => (later - value) / ((next + 1) * step)),
    )
    .sort((one, other) => one - other);
  return slopes[Math.floor(slopes.length / 2)];
}
