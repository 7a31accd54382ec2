import type { ChildProcess, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { startChild } from './children.js';
import { Client } from './client.js';
import { report, responseCheck } from './response-check.js';

/** The application in a process of its own, as `npm start` runs it. */
export class ServiceProcess {
  output = '';

  private constructor(readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    }
  }

  /** @param file of the bundle; `npm test` makes it */
  static spawn(
    env: Record<string, string>,
    file = 'src/main.js',
    ...words: string[]
  ): ServiceProcess {
    const script = join(process.cwd(), '.cache', 'bundle', file);
    const child = startChild(process.execPath, [script, ...words], {
      // Nothing of this process's environment: its settings would be read.
      env: {
        ...{ PATH: process.env.PATH, PORT: '0', AUTH_RATE_LIMIT: '0', NO_COLOR: '1' },
        // No load balancer has to notice that it ends, for which production waits.
        SHUTDOWN_DELAY: '0s',
        // In production, too: each test begins with an empty folder.
        DATABASE_CREATE: 'true',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new ServiceProcess(child);
  }

  /** The service as npm runs it, which is asked by `words`, in a folder that holds package.json. */
  static npm(words: string[], cwd: string, env: NodeJS.ProcessEnv): ServiceProcess {
    const settings = { PORT: '0', NO_COLOR: '1', SHUTDOWN_DELAY: '0s', ...env };
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
    return new ServiceProcess(startChild('npm', words, { cwd, env: settings, stdio }));
  }

  /** Waits until it listens. */
  async client(): Promise<Client> {
    const url = await this.saying(/The API is at (\S+)\/api/);
    return new Client(url, (exchange) => report(responseCheck().problemsOf(exchange)));
  }

  /** Waits until its output holds the text; gives the first group of a pattern. */
  async saying(text: string | RegExp): Promise<string> {
    for (;;) {
      const match = this.output.match(text);
      if (match) return match[1] ?? match[0];
      if (this.child.exitCode !== null) throw new Error(`It ended:\n${this.output}`);
      await Promise.race([once(this.child.stdout!, 'data'), once(this.child, 'exit')]);
    }
  }

  async exit(): Promise<number | NodeJS.Signals> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await once(this.child, 'exit');
    }
    return this.child.exitCode ?? this.child.signalCode!;
  }

  kill(signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
    this.child.kill(signal);
    return this.exit();
  }
}
