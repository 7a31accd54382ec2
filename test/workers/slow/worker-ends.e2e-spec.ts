import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { isAlive } from '../../support/children.js';
import { credentials, WorkerService } from '../worker-service.js';

describe('The end of a worker, and of a service with two workers', () => {
  let service: WorkerService;

  afterEach(() => service.end());

  it('loses no acknowledged write when a worker is killed, and replaces it', async () => {
    service = await WorkerService.start({ AUTH_RATE_LIMIT: '0', USER_RATE_LIMIT: '0' });
    const connections = Array.from({ length: 8 }, () => service.connect());
    await service.register(connections[0]!);
    const sessions = await Promise.all(connections.map((agent) => service.logIn(agent)));
    let isOver = false;
    let acknowledged = 0;
    const failures: { client: number; error: unknown }[] = [];
    // A client repeats a refresh that got no response. A lost write would end its session.
    const clients = sessions.map(async ({ refresh_token }, index) => {
      let token = refresh_token;
      while (!isOver) {
        try {
          const agent = connections[index]!;
          const { status, body } = await service.send(agent, 'POST', '/auth/refresh', { token });
          expect(status).toBe(200);
          token = body.refresh_token;
          acknowledged++;
        } catch (error) {
          failures.push({ client: index, error });
        }
      }
    });
    const untilAcknowledged = async (count: number) => {
      while (acknowledged < count && failures.length < 100) await sleep(5);
    };
    await untilAcknowledged(50);
    const [first] = service.workerIds();
    process.kill(first!, 'SIGKILL');
    await service.process.saying(`Worker ${first} has ended`);
    await untilAcknowledged(acknowledged + 50);
    while ((await service.sumOf(/^workers /)) < 2) await sleep(20);
    await untilAcknowledged(acknowledged + 50);
    isOver = true;
    await Promise.all(clients);
    // Each connection to that worker had one request under way at most.
    const failed = failures.map(({ client }) => client);
    expect(failed).toEqual([...new Set(failed)]);
    expect(failed.length).toBeLessThan(connections.length);
    const code: unknown = expect.stringMatching(/^(ECONNRESET|EPIPE)$/);
    for (const { error } of failures) expect(error).toMatchObject({ code });
    expect(await service.sumOf(/^worker_exits_total /)).toBe(1);
    expect(await service.sumOf(/^refreshes_total\{result="reused"\}/)).toBe(0);
    expect(service.workerIds()).not.toContain(first);
  });

  it('finishes the requests of all workers on SIGTERM, and exits with 0', async () => {
    service = await WorkerService.start();
    const connections = Array.from({ length: 8 }, () => service.connect());
    const started = connections.map((agent, index) => {
      const json = { name: `user-${index}`, password: credentials.password };
      return service.send(agent, 'POST', '/api/users', { json });
    });
    await sleep(20);
    const workers = service.workerIds();
    const end = service.process.kill('SIGTERM');
    expect((await Promise.all(started)).map(({ status }) => status)).toEqual(Array(8).fill(201));
    expect(await end).toBe(0);
    expect(workers.filter(isAlive)).toEqual([]);
  });

  it('ends its workers if the primary is killed', async () => {
    service = await WorkerService.start();
    const workers = service.workerIds();
    expect(workers).toHaveLength(2);
    await service.process.kill('SIGKILL');
    while (workers.some(isAlive)) await sleep(10);
  });
});
