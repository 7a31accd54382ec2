import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { expect } from '@jest/globals';
import { ServiceProcess } from '../support/process.js';
import { SECRET } from '../support/test-app.js';
import { createDatabase, type TestDatabase } from '../support/test-database.js';

export const credentials = { username: 'anna', password: 'correct horse 7' };

interface Answer {
  status: number;
  body: { access_token: string; refresh_token: string; id: number };
}

/** A service with two workers in production on a new database, and clients that keep their connections. */
export class WorkerService {
  private readonly agents: Agent[] = [];

  private constructor(
    readonly process: ServiceProcess,
    private readonly origin: string,
    private readonly database: TestDatabase,
  ) {}

  /** Waits until both workers serve requests. */
  static async start(env: Record<string, string> = {}): Promise<WorkerService> {
    const database = await createDatabase();
    const process = ServiceProcess.spawn({
      ...database.settings,
      ...{ JWT_SECRET_KEY: SECRET, NODE_ENV: 'production', WORKERS: '2', METRICS_PORT: '0' },
      ...env,
    });
    const service = new WorkerService(process, (await process.client()).url, database);
    await process.saying('All 2 workers serve requests');
    return service;
  }

  async end(): Promise<void> {
    for (const agent of this.agents) agent.destroy();
    await this.process.kill('SIGKILL');
    await this.database.drop();
  }

  /** Connections are given to the workers in turn. */
  connect(): Agent {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    this.agents.push(agent);
    return agent;
  }

  async send(
    agent: Agent,
    method: string,
    path: string,
    { json, token }: { json?: object; token?: string } = {},
  ): Promise<Answer> {
    const headers = {
      ...(json && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const outgoing = request(this.origin + path, { agent, method, headers });
    outgoing.end(json && JSON.stringify(json));
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of incoming) text += String(chunk);
    const body = (text.startsWith('{') ? JSON.parse(text) : {}) as Answer['body'];
    return { status: incoming.statusCode!, body };
  }

  async register(agent: Agent): Promise<void> {
    const json = { name: credentials.username, password: credentials.password };
    expect((await this.send(agent, 'POST', '/api/users', { json })).status).toBe(201);
  }

  async logIn(agent: Agent): Promise<Answer['body']> {
    const { status, body } = await this.send(agent, 'POST', '/auth/login', { json: credentials });
    expect(status).toBe(200);
    return body;
  }

  /** The sum of the values of a metric. */
  async sumOf(pattern: RegExp): Promise<number> {
    const url = await this.process.saying(/"Metrics: (http:[^"]+)"/);
    const lines = (await (await fetch(url)).text()).split('\n');
    return lines
      .filter((line) => pattern.test(line))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  /** The ids of the processes. */
  workerIds(): number[] {
    const words = ['-P', String(this.process.child.pid)];
    return execFileSync('pgrep', words, { encoding: 'utf8' }).trim().split('\n').map(Number);
  }
}
