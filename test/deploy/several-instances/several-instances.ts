import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'dotenv';
import { runChild, startChild } from '../../support/children.js';
import { makePostgresFolder, postgresPrograms } from '../../support/private-cluster.js';
import { ServiceProcess } from '../../support/process.js';
import { findProgram } from '../../support/programs.js';
import { ConfiguredPostgres } from './configured-postgres.js';
import { Network } from './network.js';
import { send } from './request.js';

const missing = ['haproxy', 'pgbouncer', 'redis-server'].filter((name) => !findProgram(name));

/** Why the parts cannot run here; undefined if they can. */
export const cannotRun =
  missing.length > 0
    ? `${missing.join(' and ')} is not installed`
    : postgresPrograms() === undefined
      ? 'the programs of PostgreSQL are not installed'
      : undefined;

/** A process that can be killed, and started again. */
export interface Part {
  kill(): Promise<void>;
  /** Starts it, and waits until it serves. */
  start(): Promise<void>;
}

/**
 * Three instances in production behind HAProxy, pgbouncer, Redis, and PostgreSQL with a standby, with
 * the files of deploy/several-instances.
 */
export class SeveralInstances {
  readonly primary: ConfiguredPostgres;
  standby!: ConfiguredPostgres;
  readonly haproxy: Part;
  readonly pgbouncer: Part;
  readonly redis: Part;
  readonly instances: readonly Part[];
  /** The addresses of the instances. */
  readonly origins: readonly string[];
  /** The address of HAProxy. */
  readonly origin: string;

  private constructor(
    private readonly network: Network,
    private readonly folder: string,
    private readonly passwords: { database: string; replication: string },
  ) {
    this.primary = ConfiguredPostgres.primary(network);
    const haproxy = ['-db', '-f', this.write('haproxy.cfg')];
    this.haproxy = this.part('haproxy', haproxy, () => this.untilReady());
    const asUser = process.getuid?.() === 0 ? ['-u', 'postgres'] : [];
    const pgbouncer = ['-q', ...asUser, this.write('pgbouncer.ini')];
    this.pgbouncer = this.part('pgbouncer', pgbouncer, () =>
      untilListening(network.address(20), network.port(6432)),
    );
    const redis = [this.write('redis.conf'), '--dir', folder];
    this.redis = this.part('redis-server', redis, () =>
      untilListening(network.address(30), network.port(6379)),
    );
    this.origin = `http://${network.host(10, 8080)}`;
    this.origins = [11, 12, 13].map((number) => `http://${network.host(number, 3000)}`);
    this.instances = [11, 12, 13].map((number) => this.instance(number));
  }

  static async start(): Promise<SeveralInstances> {
    const folder = makePostgresFolder();
    const secret = () => randomBytes(24).toString('hex');
    const passwords = { database: secret(), replication: secret() };
    const network = await Network.create({
      'DATABASE-PASSWORD': passwords.database,
      'REDIS-PASSWORD': secret(),
      'JWT_KEYS_SECRET=': `JWT_KEYS_SECRET=${secret()}`,
      '/etc/pgbouncer': folder,
    });
    const parts = new SeveralInstances(network, folder, passwords);
    await parts.startAll();
    return parts;
  }

  /** Runs `npm run keys -- <words>` with the settings of an instance. */
  async keys(...words: string[]): Promise<string> {
    const script = join(process.cwd(), '.cache', 'bundle', 'scripts', 'keys.js');
    return this.run(script, words);
  }

  /** Runs `npm run admin -- <words>` with the settings of an instance. */
  async admin(...words: string[]): Promise<string> {
    const script = join(process.cwd(), '.cache', 'bundle', 'scripts', 'admin.js');
    return this.run(script, words);
  }

  /** The value of a metric at each instance. */
  metrics(name: string): Promise<(number | undefined)[]> {
    return Promise.all(
      [11, 12, 13].map(async (number) => {
        const url = `http://${this.network.host(number, 9464)}/metrics`;
        const text = await (await fetch(url)).text();
        const value = new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1];
        return value === undefined ? undefined : Number(value);
      }),
    );
  }

  async untilMetrics(name: string, value: number): Promise<void> {
    while ((await this.metrics(name)).some((each) => each !== value)) await sleep(50);
  }

  async stop(): Promise<void> {
    for (const part of [...this.instances, this.haproxy, this.pgbouncer, this.redis]) {
      await part.kill();
    }
    await this.standby.remove();
    await this.primary.remove();
    rmSync(this.folder, { recursive: true });
  }

  private async startAll(): Promise<void> {
    const { primary, network, passwords } = this;
    await primary.start();
    await primary.query(`CREATE ROLE app LOGIN PASSWORD '${passwords.database}'`);
    await primary.query('CREATE DATABASE app OWNER app');
    await primary.query(
      `CREATE ROLE replication LOGIN REPLICATION PASSWORD '${passwords.replication}'`,
    );
    const [user] = await primary.query<{ line: string }>(
      `SELECT format('"%s" "%s"', rolname, rolpassword) AS line FROM pg_authid WHERE rolname = 'app'`,
    );
    writeFileSync(join(this.folder, 'userlist.txt'), `${user!.line}\n`);
    this.standby = ConfiguredPostgres.standby(network, passwords.replication);
    await Promise.all([this.standby.start(), this.pgbouncer.start(), this.redis.start()]);
    const added = await this.keys('add', 'ES256');
    await this.keys('use', added.split(' ')[0]!);
    await Promise.all(this.instances.map((instance) => instance.start()));
    await this.haproxy.start();
  }

  private async run(script: string, words: string[]): Promise<string> {
    const env = { PATH: process.env.PATH, ...this.settings(11) };
    const { status, stdout, output } = await runChild(process.execPath, [script, ...words], {
      env,
    });
    if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}:\n${output}`);
    return stdout;
  }

  /** The settings of service.env for the instance at 10.0.0.<number>. */
  private settings(number: number): Record<string, string> {
    const text = this.network.file('service.env');
    return parse(text.replaceAll(this.network.address(11), this.network.address(number)));
  }

  private write(name: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, this.network.file(name));
    return file;
  }

  private part(program: string, words: string[], untilUp: () => Promise<void>): Part {
    let child: ChildProcess | undefined;
    return {
      start: async () => {
        child = startChild(findProgram(program)!, words, { stdio: 'ignore' });
        await untilUp();
      },
      kill: async () => {
        if (child!.exitCode !== null || child!.signalCode !== null) return;
        const ended = once(child!, 'exit');
        child!.kill('SIGKILL');
        await ended;
      },
    };
  }

  private instance(number: number): Part {
    let service: ServiceProcess | undefined;
    return {
      start: async () => {
        service = ServiceProcess.spawn(this.settings(number));
        await service.saying('The API is at');
      },
      kill: async () => {
        await service!.kill('SIGKILL');
      },
    };
  }

  /** Waits until HAProxy finds an instance that is ready. */
  private async untilReady(): Promise<void> {
    for (;;) {
      const answer = await send(this.origin, '/health/ready').catch(() => undefined);
      if (answer?.status === 200) return;
      await sleep(50);
    }
  }
}

async function untilListening(host: string, port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, host);
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await sleep(20);
  }
}
