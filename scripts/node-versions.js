/**
 * Shows on each supported line of Node that a fresh clone installs, starts, and survives a load
 * that creates and collects thousands of SQL statements:
 *
 *     node scripts/node-versions.js [--suite 20,24] [--lines 20,22,24,26]
 *
 * From Node 22 on the install finds no compiler, no Python and no make, and must print no warning.
 * The suite of tests runs on the lines of `--suite` besides. At the end `npm start` serves the build
 * after `npm prune --omit=dev`. Ends with 1 where anything failed.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeOf, npmOf } from './node-line.js';

/** The lines of Node that `engines` names, each with the npm that comes with it. */
const LINES = { 20: '10', 22: '10', 24: '11', 26: '11' };
const QUERIES = 20_000;
const CONCURRENCY = 16;
/** A warning of npm's, unless it is about the settings of the person who runs it. */
const WARNING = /^npm warn (?!Unknown (user|env|global|builtin) config)/im;
/** What npm's scripts call, beside Node: no compiler, no Python, no make. */
const TOOLS = ['sh', 'env', 'git', 'bash', 'cat', 'uname'];

const { values: options } = parseArgs({
  options: {
    suite: { type: 'string', default: '' },
    lines: { type: 'string', default: Object.keys(LINES).join(',') },
  },
});
const listed = (text) => text.split(',').filter((line) => line in LINES);

/** @returns a row of the table */
async function check(line) {
  const folder = mkdtempSync(join(tmpdir(), `node-${line}-`));
  const row = [];
  try {
    const clone = join(folder, 'clone');
    const origin = fileURLToPath(new URL('..', import.meta.url));
    execFileSync('git', ['clone', '--quiet', '--depth=1', `file://${origin}`, clone]);
    const at = { line, clone, ...environment(line, folder) };
    const version = execFileSync('node', ['-v'], { env: at.env, encoding: 'utf8' }).trim();
    console.log(`\n== Node ${version}, npm ${LINES[line]}`);
    row.push(version);
    row.push(install(at));
    row.push(...(await serve(at)));
    row.push(listed(options.suite).includes(line) ? suite(at) : 'not run');
    row.push(await serveWithoutDevelopment(at));
  } catch (error) {
    console.error(error);
    row.push('failed');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return row;
}

function environment(line, folder) {
  const tools = join(folder, 'bin');
  mkdirSync(tools);
  const { home, bin } = nodeOf(line);
  const npm = npmOf(LINES[line]);
  symlinkSync(npm, join(tools, 'npm'));
  symlinkSync(npm.replace('npm-cli', 'npx-cli'), join(tools, 'npx'));
  for (const tool of TOOLS) symlinkSync(find(tool), join(tools, tool));
  const inherited = { ...process.env };
  for (const name of Object.keys(inherited)) {
    if (/^npm_|^(CC|CXX|PYTHON|NODE_OPTIONS)$/i.test(name)) delete inherited[name];
  }
  const full = {
    ...inherited,
    PATH: [bin, tools, process.env.PATH].join(delimiter),
    npm_config_nodedir: home,
  };
  const bare = { ...inherited, PATH: [bin, tools].join(delimiter) };
  // Version 12 of the driver brings no binaries: Node 20 needs a compiler where it gets none.
  return { env: full, installEnv: line === '20' ? full : bare };
}

function find(tool) {
  return process.env.PATH.split(delimiter)
    .map((folder) => join(folder, tool))
    .find(existsSync);
}

function install({ line, clone, installEnv }) {
  const run = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: clone,
    env: installEnv,
    encoding: 'utf8',
  });
  const output = run.stdout + run.stderr;
  console.log(output);
  const modules = (name) => existsSync(join(clone, 'node_modules', name));
  const problems = {
    'npm ci failed': run.status !== 0,
    'npm ci printed a warning': line !== '20' && WARNING.test(output),
    'an install script of better-sqlite3 12 could run':
      line !== '20' && (modules('better-sqlite3-12') || modules('sqlite-driver-node20')),
    'better-sqlite3 13 was compiled': modules('better-sqlite3/build'),
    'npm ci changed a file': git(clone, 'status', '--porcelain') !== '',
  };
  const found = Object.keys(problems).filter((problem) => problems[problem]);
  if (found.length > 0) throw new Error(found.join('; '));
  return line === '20' ? 'passed (with a compiler)' : 'passed (without a compiler)';
}

function git(clone, ...args) {
  return execFileSync('git', args, { cwd: clone, encoding: 'utf8' });
}

/** Starts, loads, restarts and stops the service as `npm start` does. */
async function serve(at) {
  const port = await freePort();
  const api = `http://127.0.0.1:${port}`;
  const start = () => new Service(at, port).untilReady(`${api}/api/ships`);
  let service = await start();
  const login = await json(`${api}/auth/login`, {
    method: 'POST',
    body: { username: 'user', password: 'password' },
  });
  const headers = { authorization: `Bearer ${login.access_token}` };
  const [{ id: _, ...ship }] = await json(`${api}/api/ships?limit=1`);
  const made = await json(`${api}/api/ships`, { method: 'POST', body: ship, headers });
  await load(`${api}/api/ships`);
  await service.stop();
  service = await start();
  const kept = await json(`${api}/api/ships/${made.id}`);
  const me = await json(`${api}/auth/me`, { headers });
  if (kept.id !== made.id || me.name !== 'user') throw new Error('The restart lost something.');
  await service.stop();
  return ['passed', `passed (${QUERIES.toLocaleString('en')} queries)`];
}

/** Starts what was built after everything that only development needs was removed. */
async function serveWithoutDevelopment(at) {
  const words = ['prune', '--omit=dev', '--no-audit', '--no-fund'];
  execFileSync('npm', words, { cwd: at.clone, env: at.env, stdio: 'inherit' });
  const port = await freePort();
  const service = await new Service(at, port).untilReady(`http://127.0.0.1:${port}/api/ships`);
  await service.stop();
  return 'passed';
}

class Service {
  output = '';

  constructor({ clone, env }, port) {
    // A small young generation lets statements be collected soon and often.
    const settings = { PORT: String(port), NODE_OPTIONS: '--max-semi-space-size=1' };
    const options = { cwd: clone, env: { ...env, ...settings }, detached: true };
    this.child = spawn('npm', ['start'], options);
    this.closed = once(this.child, 'close');
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (data) => (this.output += data));
    }
  }

  async untilReady(url) {
    for (let tries = 0; tries < 600; tries++) {
      if (this.child.exitCode !== null) break;
      if (
        await fetch(url).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return this;
      await sleep(200);
    }
    throw new Error(`The service did not start:\n${this.output}`);
  }

  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) {
      throw new Error(`The service ended under the load:\n${this.output}`);
    }
    process.kill(-this.child.pid, 'SIGTERM');
    await this.closed;
  }
}

/** Sends list queries of different fields, directions and filters, many of them never seen before. */
async function load(url) {
  const fields = [
    'affiliation',
    'category',
    'crew',
    'length',
    'manufacturer',
    'model',
    'ship_class',
  ];
  const pick = (from) => from[Math.floor(Math.random() * from.length)];
  let sent = 0;
  const client = async () => {
    while (sent++ < QUERIES) {
      const order = fields.filter(() => Math.random() < 0.4).map((name) => pick(['', '-']) + name);
      const query = new URLSearchParams({ limit: String(1 + Math.floor(Math.random() * 100)) });
      if (order.length > 0) query.set('sort', order.join(','));
      if (Math.random() < 0.3) query.set(pick(['crew', 'length']), String(sent));
      const response = await fetch(`${url}?${query}`);
      // Expensive reads may be told to come back; nothing else may fail.
      if (!response.ok && response.status !== 503) {
        throw new Error(`${query} answered ${response.status}: ${await response.text()}`);
      }
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, client));
}

async function json(url, { method = 'GET', body, headers = {} } = {}) {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}`);
  return response.json();
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function suite({ clone, env }) {
  const runs = [['test'], ['run', 'test:slow']].map((words) =>
    spawnSync('npm', words, { cwd: clone, env, stdio: 'inherit' }),
  );
  return runs.every(({ status }) => status === 0) ? 'passed' : 'failed';
}

const rows = [];
for (const line of listed(options.lines)) rows.push(await check(line));
console.log(
  '\n| Node | install | start, log in, write | load, restart, stop | suite | start without development |',
);
console.log('|---|---|---|---|---|---|');
for (const row of rows) console.log(`| ${row.join(' | ')} |`);
process.exit(rows.flat().includes('failed') ? 1 : 0);
