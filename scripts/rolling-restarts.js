/**
 * Tests that rolling restarts lose no request. Three instances on PostgreSQL, in production mode,
 * run behind HAProxy and behind nginx, which use the configurations in deploy/. While clients read,
 * write and log in through both proxies, the script restarts the instances by SIGTERM, one after
 * the other. At the end one instance gets SIGTERM with 200 logins in flight.
 *
 *     node scripts/rolling-restarts.js [--restarts 20]
 *
 * The script needs a build, PostgreSQL (TEST_POSTGRES_URL), haproxy and nginx. The exit code is 1
 * if a request fails behind HAProxy. Behind nginx, which makes no health checks, one request in
 * 10,000 may fail (in a short run one request).
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';

const { values: options } = parseArgs({ options: { restarts: { type: 'string', default: '20' } } });
const RESTARTS = Number(options.restarts);
const LOGINS_IN_FLIGHT = 200;
/** Milliseconds between restarts: longer than HAProxy takes to notice that an instance is back. */
const SETTLE = 1_500;
const USERS = Array.from({ length: 10 }, (_, i) => ({
  username: `pilot ${i}`,
  password: `a password of pilot ${i}`,
}));

let registrations = 0;
const newUser = () => ({
  name: `recruit ${++registrations}`,
  password: `a password of recruit ${registrations}`,
});

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rolling-'));
const children = new Set();

function startProcess(command, args, env = {}) {
  const PATH = [process.env.PATH, '/usr/sbin', '/usr/local/sbin'].join(delimiter);
  const child = spawn(command, args, { env: { PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  child.output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => (child.output = (child.output + data).slice(-20_000)));
  }
  children.add(child);
  child.ended = once(child, 'exit').then(([code, signal]) => {
    children.delete(child);
    return code ?? signal;
  });
  child.ended.catch((error) => (child.output += error.message));
  return child;
}

/** @returns {Promise<{ status: number, body: any }>} */
function send(origin, path, { agent, json, token } = {}) {
  return new Promise((resolve, reject) => {
    const headers = {
      ...(json && { 'content-type': 'application/json' }),
      ...(token && { authorization: `Bearer ${token}` }),
    };
    const outgoing = request(origin + path, { agent, headers, method: json ? 'POST' : 'GET' });
    outgoing.on('error', reject).on('response', async (incoming) => {
      try {
        let text = '';
        for await (const chunk of incoming) text += chunk;
        const isJson = /^application\/json/.test(incoming.headers['content-type']);
        resolve({ status: incoming.statusCode, body: isJson ? JSON.parse(text) : text });
      } catch (error) {
        reject(error);
      }
    });
    outgoing.end(json && JSON.stringify(json));
  });
}

async function waitUntilOk(origin, path, child) {
  for (;;) {
    if (!children.has(child)) throw new Error(`A process ended:\n${child.output}`);
    const { status } = await send(origin, path).catch(() => ({}));
    if (status === 200) return;
    await sleep(50);
  }
}

class Instance {
  constructor(port, env) {
    this.origin = `http://127.0.0.1:${port}`;
    this.env = { ...env, PORT: String(port) };
  }

  async start() {
    this.child = startProcess(process.execPath, [join(root, 'dist/src/main.js')], this.env);
    await waitUntilOk(this.origin, '/health/ready', this.child);
  }

  async stop() {
    this.child.kill('SIGTERM');
    const code = await this.child.ended;
    if (code !== 0) throw new Error(`An instance exited with ${code}:\n${this.child.output}`);
  }
}

/** The clients of one proxy, each with a keep-alive connection. */
class Load {
  counts = { requests: 0, logins: 0, writes: 0 };
  failures = [];
  times = [];
  running = true;

  constructor(proxy, token) {
    this.proxy = proxy;
    const login = (i) => ({ path: '/auth/login', json: USERS[i], status: 200, kind: 'logins' });
    const kinds = [
      ...Array.from({ length: 6 }, () => ({ path: '/auth/me', token, status: 200 })),
      ...Array.from({ length: 2 }, () => ({ path: '/auth/sessions', token, status: 200 })),
      ...Array.from({ length: 2 }, () => ({
        ...{ path: '/api/users', json: newUser, status: 201, kind: 'writes' },
      })),
      ...Array.from({ length: 2 }, (_, i) => ({ ...login(i), pause: 150 })),
    ];
    this.clients = kinds.map((kind) => this.run(kind));
  }

  /** @param json the body of a request, or a function that returns the next one */
  async run({ path, status, kind, json, token, pause = 25 }) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (this.running) {
      const startedAt = performance.now();
      this.counts.requests++;
      if (kind) this.counts[kind]++;
      const body = typeof json === 'function' ? json() : json;
      const sent = send(this.proxy.origin, path, { agent, token, json: body });
      const answer = await sent.catch((error) => ({ error }));
      this.times.push(performance.now() - startedAt);
      if (answer.status !== status) {
        const result = answer.error?.message ?? `${answer.status} ${JSON.stringify(answer.body)}`;
        this.failures.push(`${this.proxy.name}: ${json ? 'POST' : 'GET'} ${path}: ${result}`);
      }
      await sleep(pause);
    }
    agent.destroy();
  }

  async stop() {
    this.running = false;
    await Promise.all(this.clients);
  }

  get isSuccessful() {
    return this.failures.length <= this.proxy.maxFailures(this.counts.requests);
  }

  /** The failed requests, and the log lines of the proxy about them. */
  get report() {
    const logged = this.proxy.child.output.match(/^.*upstream.*$/gm) ?? [];
    return this.failures.length > 0 ? [...this.failures, ...logged].slice(0, 40) : [];
  }

  formatRow() {
    const times = this.times.sort((a, b) => a - b);
    const p99 = times[Math.floor(times.length * 0.99)] ?? NaN;
    const { requests, writes, logins } = this.counts;
    const cells = [this.proxy.name, RESTARTS, requests, writes, logins, this.failures.length];
    return `| ${[...cells, p99.toFixed(0), times.at(-1)?.toFixed(0)].join(' | ')} |`;
  }
}

/** Writes a configuration of deploy/ with the ports of this run. */
function writeConfiguration(file, ports, listen) {
  let text = readFileSync(join(root, 'deploy', file), 'utf8').replace(':8080', `:${listen}`);
  ports.forEach((port, i) => (text = text.replace(`:300${i + 1}`, `:${port}`)));
  const path = join(folder, file);
  writeFileSync(path, text);
  return path;
}

async function startHaproxy(ports) {
  const port = await freePort();
  const file = writeConfiguration('haproxy.cfg', ports, port);
  const child = startProcess('haproxy', ['-db', '-f', file]);
  return { child, name: 'HAProxy', origin: `http://127.0.0.1:${port}`, maxFailures: () => 0 };
}

async function startNginx(ports) {
  const port = await freePort();
  const file = writeConfiguration('nginx.conf', ports, port);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const main = join(folder, 'main.conf');
  writeFileSync(
    main,
    `daemon off; pid ${folder}/nginx.pid; error_log stderr; events { } http { access_log off;
${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
include ${file}; }`,
  );
  const child = startProcess('nginx', ['-p', folder, '-c', main]);
  const maxFailures = (requests) => Math.max(1, requests / 10_000);
  return { child, name: 'nginx', origin: `http://127.0.0.1:${port}`, maxFailures };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** @returns an access token of one of the registered users */
async function registerUsers(origin) {
  for (const { username, password } of USERS) {
    const json = { name: username, password };
    const { status, body } = await send(origin, '/api/users', { json });
    if (status !== 201) throw new Error(`POST /api/users: ${status} ${JSON.stringify(body)}`);
  }
  const { body } = await send(origin, '/auth/login', { json: USERS[0] });
  return body.access_token;
}

/** @returns a line for each failed login that was in flight when the instance got SIGTERM */
async function stopWithLogins(instance) {
  const logins = Array.from({ length: LOGINS_IN_FLIGHT }, (_, i) =>
    send(instance.origin, '/auth/login', { json: USERS[i % USERS.length] }).then(
      ({ status }) => (status === 200 ? [] : [`login in flight: ${status}`]),
      (error) => [`login in flight: ${error.message}`],
    ),
  );
  await Promise.race(logins);
  let finished = 0;
  for (const login of logins) void login.then(() => finished++);
  await sleep(0);
  const before = finished;
  await instance.stop();
  const failures = (await Promise.all(logins)).flat();
  const during = LOGINS_IN_FLIGHT - before;
  console.log(
    `SIGTERM with ${during} of ${LOGINS_IN_FLIGHT} logins unanswered: ${failures.length} failed`,
  );
  return failures;
}

/** @returns whether the number of failed requests is within the limits */
async function main(url) {
  const env = {
    NODE_ENV: 'production',
    DATABASE_URL: url,
    JWT_SECRET_KEY: randomBytes(48).toString('base64'),
    TRUST_PROXY: '127.0.0.1',
    // All clients have the same address.
    AUTH_RATE_LIMIT: '0',
    USER_RATE_LIMIT: '0',
    DOCS: 'false',
  };
  const ports = [await freePort(), await freePort(), await freePort()];
  const instances = ports.map((port) => new Instance(port, env));
  for (const instance of instances) await instance.start();
  const token = await registerUsers(instances[0].origin);
  const proxies = [await startHaproxy(ports), await startNginx(ports)];
  for (const { origin, child } of proxies) await waitUntilOk(origin, '/health/ready', child);
  await sleep(SETTLE);
  const loads = proxies.map((proxy) => new Load(proxy, token));
  for (let i = 0; i < RESTARTS; i++) {
    const instance = instances[i % instances.length];
    await instance.stop();
    await instance.start();
    await sleep(SETTLE);
  }
  for (const load of loads) await load.stop();
  console.log('| proxy | restarts | requests | writes | logins | failed | p99 ms | max ms |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const load of loads) console.log(load.formatRow());
  const failedLogins = await stopWithLogins(instances[0]);
  for (const instance of instances.slice(1)) await instance.stop();
  const reports = [...loads.map((load) => load.report), failedLogins.slice(0, 20)].flat();
  for (const line of reports) console.error(line);
  return failedLogins.length === 0 && loads.every((load) => load.isSuccessful);
}

const server = new URL(
  process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres',
);
const database = `rolling_${process.pid}_${Date.now()}`;
const client = new pg.Client({ connectionString: server.href });
try {
  await client.connect();
  await client.query(`CREATE DATABASE ${database}`);
  server.pathname = `/${database}`;
  if (!(await main(server.href))) process.exitCode = 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  // On SIGTERM nginx also ends its workers. SIGKILL would leave them behind.
  const ends = [...children].map((child) => (child.kill('SIGTERM'), child.ended));
  await Promise.allSettled(ends);
  await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`).catch(() => undefined);
  await client.end();
  rmSync(folder, { recursive: true, force: true });
}
