/**
 * The product with the fixture of the tests, as a process that the benchmark starts. `BENCH_HASH_COST`
 * replaces the cost of password hashes, which is no setting of the product.
 */
import cluster from 'node:cluster';
import type { INestApplicationContext } from '@nestjs/common';
import { createApp } from '../src/app.setup.js';
import { AppConfig, type PasswordHashCost } from '../src/config/app-config.js';
import { Database } from '../src/database/database.js';
import { protectOutput } from '../src/logging/process-output.js';
import { shutDownOnSignals } from '../src/operation/shutdown.js';
import { Primary } from '../src/workers/primary.js';
import { isFirstProcess, workerChannel } from '../src/workers/worker-channel.js';
import { exampleCrates } from '../test/support/fixture/crates.js';
import { addExampleCrates } from '../test/support/fixture/add-example-crates.js';
import { FixtureModule } from '../test/support/fixture/fixture.module.js';
import { Scroll } from '../test/support/fixture/scroll.entity.js';
import { addTestUsers, testUsers } from '../test/support/test-users.js';

protectOutput();
const hashCost = process.env.BENCH_HASH_COST;
const config =
  hashCost === undefined
    ? AppConfig.load()
    : AppConfig.from(process.env, { passwordHashCost: JSON.parse(hashCost) as PasswordHashCost });
const { workers } = config.limits;
if (workers > 1 && cluster.isPrimary) {
  new Primary({ workers, shutdownDelay: config.shutdownDelay }).start();
} else {
  const app = await createApp(config, { imports: [FixtureModule] });
  shutDownOnSignals(app);
  await app.init();
  if (isFirstProcess) {
    await addTestUsers(app);
    await addExampleCrates(app);
    await addScrolls(app);
  }
  await app.listen(config.port, config.host);
  workerChannel?.ready();
  // The benchmark waits for this line, which the baseline prints as well.
  if (cluster.worker === undefined || cluster.worker.id === workers) {
    console.log(`The API is at ${await app.getUrl()}/`);
  }
}

/** Adds as many scrolls of the first user as there are crates. */
async function addScrolls(app: INestApplicationContext): Promise<void> {
  const ownerId = testUsers[0].id;
  await app.get(Database).write(async (manager) => {
    if ((await manager.count(Scroll)) > 0) return;
    for (const { id: priority } of exampleCrates) {
      await manager.insert(Scroll, {
        ownerId,
        title: `Scroll ${priority}`,
        topic: 'Office',
        priority,
      });
    }
  });
}
