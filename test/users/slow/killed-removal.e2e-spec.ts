import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { Session } from '../../../src/sessions/session.entity.js';
import { UserRemoval } from '../../../src/users/user-removal.entity.js';
import { User } from '../../../src/users/user.entity.js';
import { addSessions } from '../../support/many-rows.js';
import { ServiceProcess } from '../../support/process.js';
import { bootApp, SECRET } from '../../support/test-app.js';

it('finishes in the next process the removal of a user that a killed process began', async () => {
  let app = await bootApp();
  const { id, access } = await app.newLogin();
  /** @returns the counts of users, sessions and pending removals */
  const left = () =>
    app.sql(async (manager) => [
      await manager.countBy(User, { id }),
      await manager.countBy(Session, { subject: String(id) }),
      await manager.countBy(UserRemoval, { userId: id }),
    ]);
  try {
    await addSessions(app, id, 10_000);
    const service = ServiceProcess.spawn({ ...app.database.settings, JWT_SECRET_KEY: SECRET });
    const client = await service.client();
    const removing = client.send('DELETE', `/api/users/${id}`, { token: access }).catch(() => null);
    while ((await left())[0] === 1) await sleep(1);
    await service.kill('SIGKILL');
    await removing;
    expect((await left())[1]).toBeGreaterThan(0);
    app = await app.restart();
    while ((await left())[2]! > 0) await sleep(5);
    expect(await left()).toEqual([0, 0, 0]);
  } finally {
    await app.close();
  }
});
