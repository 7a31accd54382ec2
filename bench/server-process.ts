import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds. */
const START_PATIENCE = 30_000;
const STOP_PATIENCE = 5_000;
const ADDRESS = /The API is at (http:\/\/[^/\s]+)/;

export interface ServerOptions {
  name: string;
  /** The JavaScript file to run. */
  script: string;
  /** Where it works; made where it is missing. */
  folder: string;
  settings: Record<string, string>;
}

/** One of the two servers, in a process of its own. */
export class ServerProcess {
  private constructor(
    readonly name: string,
    readonly origin: string,
    private readonly child: ChildProcess,
  ) {}

  /** @throws Error, with what the server has printed, where it does not start */
  static async start({ name, script, folder, settings }: ServerOptions): Promise<ServerProcess> {
    mkdirSync(folder, { recursive: true });
    const child = spawn(process.execPath, [script], {
      cwd: folder,
      // Nothing else of the environment: a setting of the caller's would change the product.
      env: { PATH: process.env.PATH, NO_COLOR: '1', ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // However this process ends: none of its children outlives it.
    process.once('exit', () => child.kill('SIGKILL'));
    return new ServerProcess(name, await addressOf(name, child), child);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const stopped = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const late = sleep(STOP_PATIENCE, 'late' as const, { ref: false });
    if ((await Promise.race([stopped, late])) === 'late') this.child.kill('SIGKILL');
  }
}

/** Waits for the line that says where the server listens. */
function addressOf(name: string, child: ChildProcess): Promise<string> {
  let printed = '';
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => {
      clearTimeout(timer);
      reject(new Error(`${name} ${reason}. It printed:\n${printed}`));
    };
    const timer = setTimeout(() => fail('does not start'), START_PATIENCE);
    const read = (chunk: Buffer): void => {
      printed += chunk.toString();
      const origin = ADDRESS.exec(printed)?.[1];
      if (origin === undefined) return;
      clearTimeout(timer);
      for (const stream of [child.stdout, child.stderr]) {
        // What comes later is thrown away, but read: a full pipe would stall the server.
        stream?.off('data', read).resume();
      }
      resolve(origin);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('error', (error) => fail(`cannot be run: ${error.message}`));
    child.once('exit', (code, signal) => fail(`ended early (${code ?? signal})`));
  });
}
