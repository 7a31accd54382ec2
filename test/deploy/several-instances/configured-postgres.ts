import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startChild } from '../../support/children.js';
import {
  makePostgresFolder,
  postgresOwner,
  postgresProgram,
  runPostgres,
} from '../../support/private-cluster.js';
import type { Network } from './network.js';

/** A PostgreSQL server with the configuration of deploy/several-instances, which may be killed. */
export class ConfiguredPostgres {
  private server: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
  ) {}

  static primary(network: Network): ConfiguredPostgres {
    const server = new ConfiguredPostgres(makePostgresFolder(), network.port(5432));
    runPostgres('initdb', '-D', server.data, '-U', 'postgres', '--no-sync');
    server.configure(network, 'primary.conf');
    // The tests connect by the socket.
    const rules = `local all postgres trust\n${network.file('pg_hba.conf')}`;
    writeFileSync(join(server.data, 'pg_hba.conf'), rules);
    return server;
  }

  /** @param password of the role `replication` at the primary */
  static standby(network: Network, password: string): ConfiguredPostgres {
    const server = new ConfiguredPostgres(makePostgresFolder(), network.port(5432));
    const url = `postgres://replication:${password}@${network.host(21, 5432)}`;
    const words = ['-R', '-C', '-S', 'standby', '-c', 'fast', '--no-sync'];
    runPostgres('pg_basebackup', '-d', url, '-D', server.data, ...words);
    server.configure(network, 'standby.conf');
    return server;
  }

  async start(): Promise<void> {
    const words = ['-D', this.data, '-p', String(this.port), '-k', this.folder];
    this.server = startChild(postgresProgram('postgres'), words, {
      ...postgresOwner(),
      stdio: 'ignore',
    });
    while (!(await this.query('SELECT 1').catch(() => undefined))) {
      if (this.server.exitCode !== null)
        throw new Error(`PostgreSQL ended with ${this.server.exitCode}.`);
      await sleep(20);
    }
  }

  /** Ends all processes of the server at once, as a crash of the machine would. */
  async kill(): Promise<void> {
    const server = this.server!;
    const ended = once(server, 'exit');
    const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(server.pid)]);
    process.kill(server.pid!, 'SIGKILL');
    for (const pid of String(children).match(/\d+/g) ?? []) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // A child ends by itself when the main process is gone.
      }
    }
    await ended;
  }

  async query<Row = Record<string, unknown>>(
    statement: string,
    database = 'postgres',
  ): Promise<Row[]> {
    const client = new pg.Client({
      ...{ host: this.folder, port: this.port, user: 'postgres', database },
    });
    await client.connect();
    try {
      return (await client.query(statement)).rows as Row[];
    } finally {
      await client.end();
    }
  }

  async remove(): Promise<void> {
    if (this.server?.exitCode === null && this.server.signalCode === null) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private get data(): string {
    return join(this.folder, 'data');
  }

  /** Adds a file of deploy/several-instances, as Debian reads those of conf.d. */
  private configure(network: Network, name: string): void {
    writeFileSync(join(this.data, name), network.file(name));
    const file = join(this.data, 'postgresql.conf');
    // A copy of the primary has its file, which Debian keeps outside of the data.
    const others = readFileSync(file, 'utf8').replace(/^include .*\n/gm, '');
    writeFileSync(file, `${others}include '${name}'\n`);
  }
}
