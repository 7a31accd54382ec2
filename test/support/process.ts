import type { ChildProcess, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { startChild } from './children.js';
import { Client } from './client.js';
import { featuresOff } from './features.js';
import { report, responseCheck } from './response-check.js';

/** The application in a process of its own, as `npm start` runs it. */
export class ServiceProcess {
  output = '';

  private constructor(readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    }
  }

  /** @param file a file of the bundle that `npm test` builds */
  static spawn(
    env: Record<string, string>,
    file = 'src/main.js',
    ...words: string[]
  ): ServiceProcess {
    const script = join(process.cwd(), '.cache', 'bundle', file);
    const child = startChild(process.execPath, [script, ...words], {
      // The environment of this process is left out, because the service would read its settings.
      env: {
        ...{ PATH: process.env.PATH, PORT: '0', AUTH_RATE_LIMIT: '0', NO_COLOR: '1' },
        // In production the service waits for load balancers by default. Tests have none.
        SHUTDOWN_DELAY: '0s',
        // Each test starts with an empty folder, also with `NODE_ENV=production`.
        DATABASE_CREATE: 'true',
        ...featuresOff,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new ServiceProcess(child);
  }

  /** The service as npm runs it with the arguments `words`, in a folder with a package.json. */
  static npm(words: string[], cwd: string, env: NodeJS.ProcessEnv): ServiceProcess {
    const settings = { PORT: '0', NO_COLOR: '1', SHUTDOWN_DELAY: '0s', ...env };
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
    return new ServiceProcess(startChild('npm', words, { cwd, env: settings, stdio }));
  }

  /** Waits until the service listens. */
  async client(): Promise<Client> {
    const url = await this.saying(/The API is at (https?:\/\/[^\s/]+)\//);
    return new Client(url, (exchange) => report(responseCheck().problemsOf(exchange)));
  }

  /** Waits until the output contains the text. Returns the first group, or else the whole match. */
  async saying(text: string | RegExp): Promise<string> {
    for (;;) {
      const match = this.output.match(text);
      if (match) return match[1] ?? match[0];
      if (this.child.exitCode !== null)
        throw new Error(`It ended without printing ${text}:\n${this.output}`);
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
