import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { Book } from '../../../src/books/book.entity.js';
import { ServiceProcess } from '../../support/process.js';
import { bootApp, SECRET } from '../../support/test-app.js';

const REQUESTS = 1000;
const CLIENTS = 8;

/** A port that was free a moment ago. */
async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return String(port);
}

/** An instance that is killed at random times, and started again at the same port. */
class KilledInstance {
  kills = 0;
  private service: ServiceProcess | undefined;

  constructor(
    private readonly env: Record<string, string>,
    private readonly port: string,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      this.service = ServiceProcess.spawn({ ...this.env, PORT: this.port });
      await this.service.client();
      await sleep(200 + Math.random() * 600);
      await this.service.kill('SIGKILL');
      this.kills++;
    }
  }
}

it('creates each of 1,000 books once, although two instances are killed again and again, and requests are repeated', async () => {
  const app = await bootApp();
  const { id: ownerId, access } = await app.newLogin();
  const env = { ...app.database.settings, JWT_SECRET_KEY: SECRET };
  const ports = [await freePort(), await freePort()];
  const instances = ports.map((port) => new KilledInstance(env, port));
  let next = 0;
  let lost = 0;
  const answers = new Map<number, string>();

  const post = async (index: number): Promise<void> => {
    for (;;) {
      const { url } = instances[Math.floor(Math.random() * instances.length)]!;
      const response = await fetch(`${url}/api/books`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${access}`,
          'content-type': 'application/json',
          'idempotency-key': `book ${index}`,
        },
        body: JSON.stringify({ name: `Book ${index}`, author: 'Zahn', publisher: 'Bantam' }),
        // Some clients hang up before the answer.
        signal: AbortSignal.timeout(Math.random() < 0.1 ? 5 : 15_000),
      }).catch(() => null);
      const text = await response?.text().catch(() => null);
      if (response?.status === 201 && text) {
        // A repeated request gets the answer of the first, also if that was lost.
        expect(answers.get(index) ?? text).toBe(text);
        answers.set(index, text);
        // Every tenth answer is taken for lost once more.
        if (response.headers.has('idempotent-replayed') || index % 10 > 0) return;
      } else {
        lost++;
        expect([undefined, 201, 409, 503]).toContain(response?.status);
        await sleep(20);
      }
    }
  };
  const client = async (): Promise<void> => {
    while (next < REQUESTS) await post(next++);
  };

  try {
    const clients = Promise.all(Array.from({ length: CLIENTS }, client));
    let isOver = false;
    const running = instances.map((instance) => instance.run(() => isOver));
    await Promise.race([clients, ...running]);
    await clients.finally(() => (isOver = true));
    await Promise.all(running);
    const books = await app.sql((manager) => manager.findBy(Book, { ownerId }));
    expect(books.map(({ name }) => name).sort()).toEqual(
      Array.from({ length: REQUESTS }, (_, index) => `Book ${index}`).sort(),
    );
    const ids = [...answers.values()].map((text) => (JSON.parse(text) as { id: number }).id);
    expect(new Set(ids)).toEqual(new Set(books.map(({ id }) => id)));
    for (const { kills } of instances) expect(kills).toBeGreaterThan(3);
    expect(lost).toBeGreaterThan(20);
  } finally {
    await app.close();
  }
}, 240_000);
