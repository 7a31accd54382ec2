/**
 * Tests a fresh clone on each supported release line of Node: the install, the start, and a load
 * that creates thousands of SQL statements, which are garbage-collected.
 *
 *     node scripts/node-versions.js [--suite 20,24] [--slow 24] [--lines 20,22,24,26]
 *
 * From Node 22 on, the install runs without a compiler, Python and make, and must not print a
 * warning. On the lines of `--suite` the test suite also runs, and on those of `--slow` the slow specs. At
 * the end `npm start` serves the build after `npm prune --omit=dev`. The exit code is 1 if anything failed.
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

/** The release lines of Node that `engines` allows, each with the npm that it includes. */
const LINES = { 20: '10', 22: '10', 24: '11', 26: '11' };
const QUERIES = 20_000;
const CONCURRENCY = 16;
/** Slow specs that build, lint and test copies of the repository. They take minutes on each line. */
const COPIES = 'slow/copies/';
/** A warning of npm, unless it is about the npm settings of the user. */
const WARNING = /^npm warn (?!Unknown (user|env|global|builtin) config)/im;
/** The programs that npm's scripts may call, beside Node: no compiler, no Python, no make. */
const TOOLS = ['sh', 'env', 'git', 'bash', 'cat', 'uname'];

const { values: options } = parseArgs({
  options: {
    suite: { type: 'string', default: '' },
    slow: { type: 'string', default: '' },
    lines: { type: 'string', default: Object.keys(LINES).join(',') },
  },
});
const parseLines = (text) => text.split(',').filter((line) => line in LINES);

/** @returns the row of the table for a line */
async function testLine(line) {
  const folder = mkdtempSync(join(tmpdir(), `node-${line}-`));
  const row = [];
  try {
    const clone = join(folder, 'clone');
    const origin = fileURLToPath(new URL('..', import.meta.url));
    execFileSync('git', ['clone', '--quiet', '--depth=1', `file://${origin}`, clone]);
    const context = { line, clone, ...prepareEnvironments(line, folder) };
    const version = execFileSync('node', ['-v'], { env: context.env, encoding: 'utf8' }).trim();
    console.log(`\n== Node ${version}, npm ${LINES[line]}`);
    row.push(version);
    row.push(install(context));
    row.push(...(await testService(context)));
    row.push(parseLines(options.suite).includes(line) ? runSuite(context) : 'not run');
    row.push(await testWithoutDevelopment(context));
  } catch (error) {
    console.error(error);
    row.push('failed');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return row;
}

/** Creates the environments of the install and of all other commands. */
function prepareEnvironments(line, folder) {
  const tools = join(folder, 'bin');
  mkdirSync(tools);
  const { home, bin } = nodeOf(line);
  const npm = npmOf(LINES[line]);
  symlinkSync(npm, join(tools, 'npm'));
  symlinkSync(npm.replace('npm-cli', 'npx-cli'), join(tools, 'npx'));
  for (const tool of TOOLS) symlinkSync(findTool(tool), join(tools, tool));
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
  // Version 12 of the SQLite driver contains no binaries, so that Node 20 may need a compiler.
  return { env: full, installEnv: line === '20' ? full : bare };
}

function findTool(tool) {
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
  const hasModule = (name) => existsSync(join(clone, 'node_modules', name));
  const problems = {
    'npm ci failed': run.status !== 0,
    'npm ci printed a warning': line !== '20' && WARNING.test(output),
    'better-sqlite3 12 was installed, and its install script could run':
      line !== '20' && (hasModule('better-sqlite3-12') || hasModule('sqlite-driver-node20')),
    'better-sqlite3 13 was compiled': hasModule('better-sqlite3/build'),
    'npm ci changed a file': git(clone, 'status', '--porcelain') !== '',
  };
  const present = Object.keys(problems).filter((problem) => problems[problem]);
  if (present.length > 0) throw new Error(present.join('; '));
  return line === '20' ? 'passed (with a compiler)' : 'passed (without a compiler)';
}

function git(clone, ...args) {
  return execFileSync('git', args, { cwd: clone, encoding: 'utf8' });
}

/** Starts the service by `npm start`, puts it under load, restarts it and stops it. */
async function testService(context) {
  const port = await freePort();
  const api = `http://127.0.0.1:${port}`;
  const start = () => new Service(context, port).waitUntilReady(`${api}/health/ready`);
  let service = await start();
  const user = { name: 'pilot', password: 'a password of the pilot' };
  const created = await json(`${api}/api/users`, { method: 'POST', body: user });
  const { clone, env } = context;
  execFileSync('npm', ['run', 'admin', '--', 'grant', user.name], { cwd: clone, env });
  const login = await json(`${api}/auth/login`, {
    method: 'POST',
    body: { username: user.name, password: user.password },
  });
  const headers = { authorization: `Bearer ${login.access_token}` };
  await putUnderLoad(`${api}/api/audit`, headers);
  await service.stop();
  service = await start();
  const me = await json(`${api}/auth/me`, { headers });
  if (me.id !== created.id || me.name !== user.name) throw new Error('The restart lost data.');
  await service.stop();
  return ['passed', `passed (${QUERIES.toLocaleString('en')} queries)`];
}

/** Removes the development packages, and starts the existing build. */
async function testWithoutDevelopment(context) {
  const args = ['prune', '--omit=dev', '--no-audit', '--no-fund'];
  execFileSync('npm', args, { cwd: context.clone, env: context.env, stdio: 'inherit' });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/health/ready`;
  const service = await new Service(context, port).waitUntilReady(url);
  await service.stop();
  return 'passed';
}

class Service {
  output = '';

  constructor({ clone, env }, port) {
    // With a small young generation, statements are garbage-collected early and often.
    const settings = { PORT: String(port), NODE_OPTIONS: '--max-semi-space-size=1' };
    const options = { cwd: clone, env: { ...env, ...settings }, detached: true };
    this.child = spawn('npm', ['start'], options);
    this.closed = once(this.child, 'close');
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (data) => (this.output += data));
    }
  }

  async waitUntilReady(url) {
    for (let attempt = 0; attempt < 600; attempt++) {
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
      throw new Error(`The service ended under load:\n${this.output}`);
    }
    process.kill(-this.child.pid, 'SIGTERM');
    await this.closed;
  }
}

/** Sends list queries with random fields, directions and filters, so that most of them are new. */
async function putUnderLoad(url, headers) {
  const fields = [
    'event',
    'user_id',
    'actor_id',
    'session_id',
    'ip',
    'user_agent',
    'request_id',
    'happened_at',
  ];
  const pick = (from) => from[Math.floor(Math.random() * from.length)];
  let sent = 0;
  const client = async () => {
    while (sent++ < QUERIES) {
      const order = fields.filter(() => Math.random() < 0.4).map((name) => pick(['', '-']) + name);
      const query = new URLSearchParams({ limit: String(1 + Math.floor(Math.random() * 100)) });
      if (order.length > 0) query.set('sort', order.join(','));
      if (Math.random() < 0.3) query.set(pick(['user_id', 'actor_id']), String(sent));
      const response = await fetch(`${url}?${query}`, { headers });
      // The service may refuse expensive reads with 503. Nothing else may fail.
      if (!response.ok && response.status !== 503) {
        throw new Error(`GET ?${query}: ${response.status} ${await response.text()}`);
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
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status}`);
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

function runSuite({ line, clone, env }) {
  const slow = ['run', 'test:slow', '--', '--testPathIgnorePatterns', COPIES];
  const suites = parseLines(options.slow).includes(line) ? [['test'], slow] : [['test']];
  const runs = suites.map((args) => spawnSync('npm', args, { cwd: clone, env, stdio: 'inherit' }));
  return runs.every(({ status }) => status === 0) ? 'passed' : 'failed';
}

const rows = [];
for (const line of parseLines(options.lines)) rows.push(await testLine(line));
console.log(
  '\n| Node | install | start, log in, write | load, restart, stop | suite | start without development packages |',
);
console.log('|---|---|---|---|---|---|');
for (const row of rows) console.log(`| ${row.join(' | ')} |`);
process.exit(rows.flat().includes('failed') ? 1 : 0);
