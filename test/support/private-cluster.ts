import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startChild } from './children.js';
import { freePort } from './tcp-proxy.js';

/** The folder in which Debian installs the programs of each version. */
const DEBIAN = '/usr/lib/postgresql';

/** The folder of PostgreSQL's programs: `PG_BIN`, or the newest of Debian, or undefined. */
export function postgresPrograms(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort() : [];
  const folders = [...versions.map((name) => join(DEBIAN, name, 'bin')), process.env.PG_BIN];
  return folders.findLast((folder) => folder !== undefined && existsSync(join(folder, 'initdb')));
}

/** A PostgreSQL server for one test, which the test may freeze. It ends with the test file. */
export class PrivateCluster {
  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly server: ChildProcess,
  ) {}

  static start(): Promise<PrivateCluster> {
    const folder = makePostgresFolder();
    runPostgres('initdb', '-D', join(folder, 'data'), '-A', 'trust', '-U', 'postgres', '--no-sync');
    return PrivateCluster.serve(folder);
  }

  /** A standby that replicates this server, and accepts no writes until it is promoted. */
  standby(): Promise<PrivateCluster> {
    const folder = makePostgresFolder();
    const words = ['-D', join(folder, 'data'), '-R', '--no-sync', '-c', 'fast'];
    runPostgres('pg_basebackup', ...words, '-d', this.url());
    return PrivateCluster.serve(folder);
  }

  private static async serve(folder: string): Promise<PrivateCluster> {
    const port = await freePort();
    const settings = ['fsync=off', 'max_connections=40', 'listen_addresses=127.0.0.1'];
    const words = settings.flatMap((setting) => ['-c', setting]);
    const server = startChild(
      postgresProgram('postgres'),
      ['-D', join(folder, 'data'), '-p', String(port), '-k', folder, ...words],
      { ...postgresOwner(), stdio: 'ignore' },
    );
    const cluster = new PrivateCluster(port, folder, server);
    while (!(await cluster.query('SELECT 1').catch(() => undefined))) {
      if (server.exitCode !== null) throw new Error(`PostgreSQL ended with ${server.exitCode}.`);
      await sleep(20);
    }
    return cluster;
  }

  url(port = this.port): string {
    return `postgres://postgres@127.0.0.1:${port}/postgres`;
  }

  /** Stops or continues all processes of the server at once, as a machine that hangs would. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(this.server.pid)]);
    // The main process comes first, because it would start others.
    const pids = String(children).match(/\d+/g) ?? [];
    for (const pid of [this.server.pid!, ...pids]) process.kill(Number(pid), signal);
  }

  async promote(): Promise<void> {
    await this.query('SELECT pg_promote()');
  }

  async query(statement: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url() });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  async stop(): Promise<void> {
    this.signal('SIGCONT');
    const ended = once(this.server, 'exit');
    this.server.kill('SIGQUIT');
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The path of a program of PostgreSQL. */
export function postgresProgram(name: string): string {
  return join(postgresPrograms()!, name);
}

/** Runs a program of PostgreSQL to its end. */
export function runPostgres(name: string, ...words: string[]): void {
  execFileSync(postgresProgram(name), words, { ...postgresOwner(), cwd: tmpdir(), stdio: 'pipe' });
}

/** PostgreSQL refuses to run as root. */
export function postgresOwner(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (option: string) => Number(execFileSync('id', [option, 'postgres']));
  return { uid: id('-u'), gid: id('-g') };
}

/** Creates a folder that the servers may read and write. */
export function makePostgresFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nest-rest-jwt-pg-'));
  const { uid, gid } = postgresOwner();
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  return folder;
}
