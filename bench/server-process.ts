import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Milliseconds. */
const START_TIMEOUT = 30_000;
/** Milliseconds. */
const STOP_TIMEOUT = 5_000;
const cpuUsage = fileURLToPath(new URL('cpu-usage.js', import.meta.url));
/** CPU times since the start, in microseconds. */
export interface CpuTimes {
  /** The process and its workers. */
  total: number;
  /** Each worker, if the service has several. */
  workers: number[];
}

/** The line that a server prints when it listens. */
const ADDRESS = /The API is at (http:\/\/[^/\s]+)/;

interface ServerOptions {
  name: string;
  /** The JavaScript file to run. */
  script: string;
  /** The working directory, which is created if it is missing. */
  folder: string;
  /** Environment variables. */
  settings: Record<string, string>;
}

/** A server that runs in a child process. */
export class ServerProcess {
  private constructor(
    readonly name: string,
    readonly origin: string,
    private readonly child: ChildProcess,
  ) {}

  /** @throws Error with the output of the server, if it does not start */
  static async start({ name, script, folder, settings }: ServerOptions): Promise<ServerProcess> {
    mkdirSync(folder, { recursive: true });
    const child = spawn(process.execPath, ['--import', cpuUsage, script], {
      cwd: folder,
      // No other variables are passed on: a setting in the environment would change the product.
      env: { PATH: process.env.PATH, NO_COLOR: '1', ...settings },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    // No child process may outlive this process.
    const kill = () => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    return new ServerProcess(name, await waitForAddress(name, child), child);
  }

  async cpuTimes(): Promise<CpuTimes> {
    const { own, workers } = await this.ask<{ own: number; workers: number[] }>('cpu');
    return { total: own + workers.reduce((sum, time) => sum + time, 0), workers };
  }

  /** The memory that the server takes (resident set size), in bytes. */
  memory(): Promise<number> {
    return this.ask<number>('memory');
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const stopped = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const timeout = sleep(STOP_TIMEOUT, 'timeout' as const, { ref: false });
    if ((await Promise.race([stopped, timeout])) === 'timeout') this.child.kill('SIGKILL');
  }

  /** Asks what `cpu-usage.ts` answers. */
  private async ask<Answer>(question: 'cpu' | 'memory'): Promise<Answer> {
    const answer = once(this.child, 'message');
    this.child.send(question);
    const [figures] = (await answer) as [Answer];
    return figures;
  }
}

/** Waits for the line with the address of the server. */
function waitForAddress(name: string, child: ChildProcess): Promise<string> {
  let printed = '';
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => {
      clearTimeout(timer);
      reject(new Error(`${name} ${reason}. It printed:\n${printed}`));
    };
    const timer = setTimeout(() => fail('did not start in time'), START_TIMEOUT);
    const read = (chunk: Buffer): void => {
      printed += chunk.toString();
      const origin = ADDRESS.exec(printed)?.[1];
      if (origin === undefined) return;
      clearTimeout(timer);
      for (const stream of [child.stdout, child.stderr]) {
        // Later output is read and discarded, because a full pipe would block the server.
        stream?.off('data', read).resume();
      }
      resolve(origin);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('error', (error) => fail(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => fail(`exited early (${code ?? signal})`));
  });
}
