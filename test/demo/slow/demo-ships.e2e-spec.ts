import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Client } from '../../support/client.js';
import { ServiceProcess } from '../../support/process.js';
import { SECRET } from '../../support/test-app.js';
import { createDatabase, type TestDatabase } from '../../support/test-database.js';

describe('Processes that add the demo data', () => {
  let database: TestDatabase;
  let processes: ServiceProcess[];

  beforeEach(async () => {
    database = await createDatabase();
    processes = [];
  });
  afterEach(async () => {
    await Promise.all(processes.map((each) => each.kill('SIGKILL')));
    await database.drop();
  });

  const spawn = (env: Record<string, string> = {}): ServiceProcess => {
    const settings = { ...database.settings, JWT_SECRET_KEY: SECRET, DEMO_DATA: 'true' };
    const service = ServiceProcess.spawn({ ...settings, ...env });
    processes.push(service);
    return service;
  };
  const counts = async (client: Client): Promise<number[]> => [
    (await client.get<unknown[]>('/api/users')).body.length,
    (await client.get<unknown[]>('/api/ships')).body.length,
  ];

  it('adds the demo data once if two processes start at once on the same empty database', async () => {
    const clients = await Promise.all([spawn().client(), spawn().client()]);
    for (const client of clients) expect(await counts(client)).toEqual([2, 15]);
  });

  it('adds all demo data after the service was killed at any point of its first start', async () => {
    for (let attempt = 0; attempt < 3; attempt++) {
      const service = spawn({ LOG_LEVEL: 'debug' });
      // The service opens, migrates and fills the database after this line.
      await service.saying('Starting Nest application');
      await sleep(attempt * 80);
      await service.kill('SIGKILL');
    }
    expect(await counts(await spawn().client())).toEqual([2, 15]);
  }, 60_000);
});
