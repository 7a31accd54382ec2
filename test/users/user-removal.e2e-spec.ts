import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AuditEntry } from '../../src/audit/audit-entry.entity.js';
import { Scroll } from '../support/fixture/scroll.entity.js';
import { WriteBatchesService } from '../../src/database/write-batches.service.js';
import { Session } from '../../src/sessions/session.entity.js';
import { TokenService } from '../../src/tokens/token.service.js';
import { User } from '../../src/users/user.entity.js';
import { UserRemoval } from '../../src/users/user-removal.entity.js';
import type { LoggedIn } from '../support/client.js';
import { addScrolls, addSessions } from '../support/many-rows.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import type { TestApp } from '../support/test-app.js';

describe('DELETE /api/users/:id with many rows', () => {
  let app: TestApp;
  let user: LoggedIn;

  beforeEach(async () => {
    app = await bootFixtureApp();
    user = await app.newLogin();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await app.close();
  });

  const remove = (token = user.access) => app.send('DELETE', `/api/users/${user.id}`, { token });
  /** @returns the counts of rows of the user: users, scrolls, sessions and pending removals */
  const left = () =>
    app.sql(async (manager) => [
      await manager.countBy(User, { id: user.id }),
      await manager.countBy(Scroll, { ownerId: user.id }),
      await manager.countBy(Session, { subject: String(user.id) }),
      await manager.countBy(UserRemoval, { userId: user.id }),
    ]);

  it('removes all rows before it answers, with one entry in the audit trail', async () => {
    await addScrolls(app, user.id, 1200);
    await addSessions(app, user.id, 700);
    await addSessions(app, user.id, 600, { ended: true });
    expect((await remove()).status).toBe(204);
    expect(await left()).toEqual([0, 0, 0, 0]);
    const events = await app.sql((manager) => manager.findBy(AuditEntry, { userId: user.id }));
    expect(events.filter(({ event }) => event === 'user_deleted')).toHaveLength(1);
    expect((await app.get('/auth/me', { token: user.access })).body.code).toBe('token_revoked');
  });

  it('removes no scrolls or sessions of other users', async () => {
    const other = await app.newLogin();
    await addScrolls(app, other.id, 3);
    await addScrolls(app, user.id, 600);
    expect((await remove()).status).toBe(204);
    const { status, body } = await app.get<unknown[]>('/api/scrolls', { token: other.access });
    expect([status, body.length]).toEqual([200, 3]);
  });

  it('lets other writes run between its batches', async () => {
    const other = await app.newLogin();
    await addScrolls(app, user.id, 10_000);
    let removed = false;
    const removing = remove().then(() => (removed = true));
    while ((await left())[0] === 1) await sleep(1);
    await app.newCrate(other.access);
    expect(removed).toBe(false);
    await removing;
    expect(await left()).toEqual([0, 0, 0, 0]);
  });

  it('hides a user whose removal stopped after the first write, and finishes it at the next start', async () => {
    await addScrolls(app, user.id, 1200);
    const sessionless = await app.app.get(TokenService).createAccessToken(String(user.id));
    const token = sessionless.signed;
    const [first] = (await app.get<{ id: number }[]>('/api/scrolls', { token })).body;
    const path = `/api/scrolls/${first!.id + 1000}`;
    const scroll = { title: 'n', topic: 'a' };

    jest.spyOn(WriteBatchesService.prototype, 'run').mockRejectedValue(new Error('killed'));
    expect((await remove()).status).toBe(204);
    const [users, scrolls, , removals] = await left();
    expect([users, scrolls, removals]).toEqual([0, 700, 1]);
    expect((await app.get('/auth/me', { token: user.access })).body.code).toBe('token_revoked');
    expect((await app.get('/api/scrolls', { token })).body).toEqual([]);
    expect((await app.get('/api/scrolls?sort=title', { token })).body).toEqual([]);
    expect((await app.get(path, { token })).status).toBe(404);
    expect((await app.send('PUT', path, { token, json: scroll })).status).toBe(404);
    expect((await app.send('DELETE', path, { token })).status).toBe(404);
    const added = await app.send('POST', '/api/scrolls', { token, json: scroll });
    expect(added.body.code).toBe('token_revoked');
    const { name, password } = user;
    const again = await app.send('POST', '/api/users', { json: { name, password } });
    expect(again.status).toBe(201);

    jest.restoreAllMocks();
    app = await app.restart();
    while ((await left())[3]! > 0) await sleep(5);
    expect(await left()).toEqual([0, 0, 0, 0]);
  });
});

describe('DELETE /auth/sessions with many sessions', () => {
  let app: TestApp;

  beforeEach(async () => {
    app = await bootFixtureApp();
  });
  afterEach(() => app.close());

  it('ends all sessions except the current one, with one entry in the audit trail', async () => {
    const user = await app.newLogin();
    await addSessions(app, user.id, 1300);
    const { status } = await app.send('DELETE', '/auth/sessions', { token: user.access });
    expect(status).toBe(204);
    const { body } = await app.get<{ current: boolean }[]>('/auth/sessions', {
      token: user.access,
    });
    expect(body.map(({ current }) => current)).toEqual([true]);
    const events = await app.sql((manager) => manager.findBy(AuditEntry, { userId: user.id }));
    expect(events.filter(({ event }) => event === 'other_sessions_ended')).toHaveLength(1);
  });
});
