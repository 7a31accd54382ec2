import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Received, send, type Sent } from './request.js';

const CLIENTS = 8;
/** Milliseconds between two requests of a client, so that it stays below USER_RATE_LIMIT. */
const PAUSE = 100;
const PASSWORD = 'a long password of the load';

/** A request that was not answered as expected. */
export interface Failure {
  client: number;
  path: string;
  /** The status, or the code of the connection's error. */
  result: number | string;
  /** When; see `performance.now`. */
  at: number;
}

interface Pair {
  access_token: string;
  refresh_token: string;
}

/**
 * Clients that send requests to HAProxy, one after the other, each from an address of its own. They
 * refresh, read and write in turn, and repeat what was not acknowledged.
 */
export class Load {
  readonly failures: Failure[] = [];
  acknowledged = 0;
  /** The ids of the writes that were acknowledged. */
  readonly written: string[] = [];
  private isOver = false;
  private isClosed = false;
  private running: Promise<unknown> = Promise.resolve();

  private constructor(private readonly clients: LoadClient[]) {}

  /**
   * Registers users, and logs them in.
   *
   * @param grant makes the user of that name an administrator
   */
  static async prepare(origin: string, grant: (name: string) => Promise<unknown>): Promise<Load> {
    const clients = Array.from({ length: CLIENTS }, (_, i) => new LoadClient(origin, i));
    await Promise.all(clients.map((client) => client.register()));
    await grant(clients[0]!.name);
    await clients[0]!.logIn();
    for (const client of clients.slice(1)) {
      await clients[0]!.setRoles(client.id, true, randomUUID());
      await client.logIn();
    }
    return new Load(clients);
  }

  start(): void {
    this.failures.length = 0;
    this.acknowledged = 0;
    this.isOver = false;
    this.running = Promise.all(this.clients.map((client) => this.run(client)));
  }

  /** Waits until more requests have succeeded. */
  async untilAcknowledged(more: number): Promise<void> {
    const expected = this.acknowledged + more;
    while (this.acknowledged < expected) await sleep(10);
  }

  /** Waits until this number of requests has succeeded without a failure in between. */
  async untilSteady(count: number): Promise<void> {
    for (let failed = -1; failed < this.failures.length;) {
      failed = this.failures.length;
      await this.untilAcknowledged(count);
    }
  }

  /** Waits until each client has seen a failure. */
  async untilAllFailed(): Promise<void> {
    while (new Set(this.failures.map(({ client }) => client)).size < CLIENTS) await sleep(10);
  }

  /** Waits until all requests have succeeded that were begun. */
  async stop(): Promise<void> {
    this.isOver = true;
    await this.running;
  }

  /** Refreshes each session once more. Returns the statuses. */
  refreshAll(): Promise<number[]> {
    return Promise.all(this.clients.map(async (client) => (await client.refresh()).status));
  }

  /** Ends the clients, also if a request never succeeds. */
  close(): void {
    this.isOver = true;
    this.isClosed = true;
    for (const client of this.clients) client.close();
  }

  private async run(client: LoadClient): Promise<void> {
    while (!this.isOver) {
      for (const step of client.steps()) await this.repeat(client, step);
    }
  }

  /** Sends a request until it succeeds. */
  private async repeat(client: LoadClient, step: Step): Promise<void> {
    while (!this.isClosed) {
      const { status, body } = await step.send().catch((error: NodeJS.ErrnoException) => ({
        ...{ status: error.code ?? error.message, body: undefined },
      }));
      await sleep(PAUSE);
      if (status === 200) {
        this.acknowledged++;
        if (step.id !== undefined) this.written.push(step.id);
        return;
      }
      const code = (body as { code?: string } | undefined)?.code;
      const result = code === undefined ? status : `${status} ${code}`;
      const at = performance.now();
      this.failures.push({ client: client.number, path: step.path, result, at });
    }
  }
}

interface Step {
  path: string;
  send(): Promise<Received>;
  /** The `X-Request-Id` of a write. A repeat has the same. */
  id?: string;
}

class LoadClient {
  readonly name: string;
  id = 0;
  private target = 0;
  private isGranted = false;
  private tokens: Pair = { access_token: '', refresh_token: '' };
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(
    private readonly origin: string,
    readonly number: number,
  ) {
    this.name = `load ${number}`;
  }

  async register(): Promise<void> {
    this.id = await this.registerUser(this.name);
    this.target = await this.registerUser(`${this.name} target`);
  }

  async logIn(): Promise<void> {
    const json = { username: this.name, password: PASSWORD };
    const { status, body } = await this.send('/auth/login', { method: 'POST', json });
    if (status !== 200) throw new Error(`The login of ${this.name} failed with ${status}.`);
    this.tokens = body as Pair;
  }

  setRoles(id: number, isAdmin: boolean, requestId: string): Promise<Received> {
    const json = { roles: isAdmin ? ['admin'] : [] };
    const token = this.tokens.access_token;
    return this.send(`/api/users/${id}/roles`, { method: 'PUT', json, token, id: requestId });
  }

  async refresh(): Promise<Received> {
    const token = this.tokens.refresh_token;
    const answer = await this.send('/auth/refresh', { method: 'POST', token });
    // A token of a refresh is not fresh, so writes keep the one of the login.
    if (answer.status === 200) {
      this.tokens.refresh_token = (answer.body as Pair).refresh_token;
    }
    return answer;
  }

  steps(): Step[] {
    const id = randomUUID();
    this.isGranted = !this.isGranted;
    const isAdmin = this.isGranted;
    const token = this.tokens.access_token;
    return [
      { path: '/auth/refresh', send: () => this.refresh() },
      { path: '/auth/me', send: () => this.send('/auth/me', { token }) },
      { path: 'roles', id, send: () => this.setRoles(this.target, isAdmin, id) },
      { path: openList, send: () => this.send(openList) },
    ];
  }

  close(): void {
    this.agent.destroy();
  }

  private async registerUser(name: string): Promise<number> {
    const json = { name, password: PASSWORD };
    const { status, body } = await this.send('/api/users', { method: 'POST', json });
    if (status !== 201) throw new Error(`The registration of ${name} failed with ${status}.`);
    return (body as { id: number }).id;
  }

  private send(path: string, options: Sent = {}): Promise<Received> {
    const from = `127.0.1.${this.number + 1}`;
    return send(this.origin, path, { from, agent: this.agent, ...options });
  }
}

interface Operation {
  security?: unknown[];
  parameters?: { name?: string }[];
}

/** A list that needs no token in production, which the standby answers; or else the public keys. */
const openList = ((): string => {
  const { paths } = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
    paths: Record<string, { get?: Operation }>;
  };
  const isOpenList = ({ security, parameters }: Operation) =>
    security?.length === 0 && parameters?.some(({ name }) => name === 'cursor' || name === 'limit');
  const found = Object.entries(paths).find(
    // In production only administrators list users.
    ([path, { get }]) =>
      get && isOpenList(get) && path !== '/api/users' && path.startsWith('/api/'),
  );
  return found?.[0] ?? '/.well-known/jwks.json';
})();
