import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { Book } from '../../../src/books/book.entity.js';
import { ServiceProcess } from '../../support/process.js';
import { freePort } from '../../support/tcp-proxy.js';
import { bootApp, SECRET } from '../../support/test-app.js';

const REQUESTS = 1000;
const CLIENTS = 8;

/** An instance that is killed after some requests, and started again at the same port. */
class KilledInstance {
  kills = 0;
  /** Requests that were sent to it since its start. */
  requests = 0;

  constructor(
    private readonly env: Record<string, string>,
    private readonly port: number,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const service = ServiceProcess.spawn({ ...this.env, PORT: String(this.port) });
      await service.client();
      this.requests = 0;
      const last = 20 + Math.random() * 80;
      while (this.requests < last && !isOver()) await sleep(5);
      await service.kill('SIGKILL');
      this.kills++;
    }
  }
}

/** A client that repeats each request until it gets an answer. */
class PersistentClient {
  /** Requests without a usable answer. */
  lost = 0;
  readonly answers = new Map<number, string>();

  constructor(
    private readonly token: string,
    private readonly isOver: () => boolean,
  ) {}

  async post(index: number, instances: KilledInstance[]): Promise<void> {
    while (!this.isOver()) {
      const { status, text, isReplay } = await this.send(index, instances);
      if (status === 201 && text) {
        // A repeated request gets the answer of the first, also if that was lost.
        expect(this.answers.get(index) ?? text).toBe(text);
        this.answers.set(index, text);
        // Every tenth answer is taken for lost.
        if (isReplay || index % 10 > 0) return;
      } else {
        this.lost++;
        expect([undefined, 201, 409, 503]).toContain(status);
        await sleep(20);
      }
    }
  }

  private async send(index: number, instances: KilledInstance[]) {
    const instance = instances[Math.floor(Math.random() * instances.length)]!;
    instance.requests++;
    const response = await fetch(`${instance.url}/api/books`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.token}`,
        'content-type': 'application/json',
        'idempotency-key': `book ${index}`,
      },
      body: JSON.stringify({ name: `Book ${index}`, author: 'Zahn', publisher: 'Bantam' }),
      // Some clients hang up before the answer.
      signal: AbortSignal.timeout(Math.random() < 0.1 ? 5 : 15_000),
    }).catch(() => null);
    const text = await response?.text().catch(() => null);
    const isReplay = response?.headers.has('idempotent-replayed') === true;
    return { status: response?.status, text, isReplay };
  }
}

it('creates each of 1,000 books once, although two instances are killed again and again, and requests are repeated', async () => {
  const app = await bootApp();
  const { id: ownerId, access } = await app.newLogin();
  const env = { ...app.database.settings, JWT_SECRET_KEY: SECRET };
  const instances = [await freePort(), await freePort()].map(
    (port) => new KilledInstance(env, port),
  );
  let isOver = false;
  const client = new PersistentClient(access, () => isOver);
  let next = 0;
  const postAll = async (): Promise<void> => {
    while (next < REQUESTS && !isOver) {
      await client.post(next++, instances);
    }
  };
  const running = instances.map((instance) => instance.run(() => isOver));
  const posting = Promise.all(Array.from({ length: CLIENTS }, postAll));
  try {
    await Promise.race([posting, Promise.all(running)]);
    isOver = true;
    await Promise.all([posting, ...running]);
    const books = await app.sql((manager) => manager.findBy(Book, { ownerId }));
    expect(books.map(({ name }) => name).sort()).toEqual(
      Array.from({ length: REQUESTS }, (_, index) => `Book ${index}`).sort(),
    );
    const ids = [...client.answers.values()].map((text) => (JSON.parse(text) as { id: number }).id);
    expect(new Set(ids)).toEqual(new Set(books.map(({ id }) => id)));
    for (const { kills } of instances) expect(kills).toBeGreaterThan(3);
    expect(client.lost).toBeGreaterThan(20);
  } finally {
    isOver = true;
    await Promise.allSettled([posting, ...running]);
    await app.close();
  }
}, 240_000);
