import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { Redis } from 'ioredis';
import { startChild } from './children.js';

/** A Redis server for one test, which the test may freeze or end. It keeps nothing on the disk. */
export class PrivateRedis {
  private constructor(
    readonly port: number,
    private readonly server: ChildProcess,
    private readonly client: Redis,
  ) {}

  /** @param program the path of `redis-server` */
  static async start(program: string, port: number): Promise<PrivateRedis> {
    const words = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', tmpdir()];
    const server = startChild(program, words, { stdio: 'ignore' });
    const client = new Redis(port, '127.0.0.1', {
      maxRetriesPerRequest: null,
      disconnectTimeout: 100,
    });
    client.on('error', () => undefined);
    await client.ping();
    return new PrivateRedis(port, server, client);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Runs a command, such as `command('KEYS', '*')`. */
  command(name: string, ...words: string[]): Promise<unknown> {
    return this.client.call(name, ...words);
  }

  /** Stops or continues the server, as a machine that hangs would. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.server.kill(signal);
  }

  async stop(): Promise<void> {
    this.client.disconnect();
    if (this.server.exitCode !== null || this.server.signalCode !== null) return;
    const ended = once(this.server, 'exit');
    this.server.kill('SIGKILL');
    await ended;
  }
}
