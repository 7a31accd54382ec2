import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { runAdmin } from '../../support/admin.js';
import { addSessions } from '../../support/many-rows.js';
import { bootApp, type TestApp } from '../../support/test-app.js';
import { engine } from '../../support/test-database.js';

// Each command is a process of its own, which takes seconds to start on a busy machine.
jest.setTimeout(120_000);

describe('npm run admin -- backup and restore', () => {
  let app: TestApp;
  let copy: string;

  beforeEach(async () => {
    app = await bootApp({ REFRESH_ROTATION: 'true' });
    copy = join(app.database.folder, 'copy');
  });
  afterEach(() => app.close());

  const run = (...words: string[]) => runAdmin(app.database, words);
  /** Stops the service, restores, and starts the service. */
  const restore = async (...options: string[]) => {
    await app.app.close();
    const result = await run('restore', copy, ...options);
    app = await app.restart();
    return result;
  };
  const statusOf = async (token: string) => (await app.get('/auth/me', { token })).status;

  it('copies the database while the service writes, for the owner only', async () => {
    const writing = Array.from({ length: 20 }, () => app.newUser());
    const { status, output } = await run('backup', copy);
    expect(output).toMatch(/^Wrote \/.*copy \(.* [kM]B\), and checked it\.\n$/);
    expect(status).toBe(0);
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    const users = await Promise.all(writing);
    expect((await app.login(users[0]!)).access).toBeDefined();
  });

  it('restores what was copied, and keeps its sessions active', async () => {
    const kept = await app.newLogin();
    await run('backup', copy);
    const lost = await app.newLogin();
    const { status, output } = await restore();
    expect([status, output]).toEqual([0, expect.stringContaining(`Restored ${copy}.`)]);
    expect(output).toContain('Sessions that were active in the copy are active again');
    expect([await statusOf(kept.access), await statusOf(lost.access)]).toEqual([200, 401]);
    const refreshed = await app.send('POST', '/auth/refresh', { token: kept.refresh });
    expect(refreshed.status).toBe(200);
    const again = await app.send('POST', '/api/users', {
      json: { name: lost.name, password: lost.password },
    });
    expect(again.status).toBe(201);
  });

  it('gives every row a new ETag, so that none from before is valid', async () => {
    const user = await app.newLogin();
    const path = `/api/users/${user.id}`;
    const etagOf = async () => (await app.get(path)).headers.get('etag')!;
    const renamed = async (name: string) => {
      const { access: token } = await app.login(user);
      const { headers } = await app.send('PATCH', path, { json: { name }, token });
      return headers.get('etag')!;
    };
    const copied = await etagOf();
    await run('backup', copy);
    const lost = await renamed(`${user.name}-lost`);
    await restore();
    expect([copied, lost]).not.toContain(await etagOf());
    const { access: token } = await app.login(user);
    for (const tag of [copied, lost]) {
      expect((await app.get(path, { headers: { 'if-none-match': tag } })).status).toBe(200);
      const headers = { 'if-match': tag };
      const { status } = await app.send('PATCH', path, { json: { name: 'x1' }, headers, token });
      expect(status).toBe(412);
    }
    const after = await renamed(`${user.name}-kept`);
    expect([copied, lost]).not.toContain(after);
  });

  it('ends all sessions of the copy with --end-sessions', async () => {
    const user = await app.newLogin();
    await addSessions(app, user.id, 5);
    await run('backup', copy);
    const { status, output } = await restore('--end-sessions');
    expect([status, output]).toEqual([0, expect.stringContaining('All sessions have ended.')]);
    expect(await statusOf(user.access)).toBe(401);
    const { access: token } = await app.login(user);
    expect((await app.get<unknown[]>('/auth/sessions', { token })).body).toHaveLength(1);
  });

  it('replaces no file by a copy, and leaves none if the copy fails', async () => {
    writeFileSync(copy, 'mine');
    const exists = await run('backup', copy);
    expect([exists.status, exists.output]).toEqual([1, expect.stringContaining('exists already')]);
    expect(readFileSync(copy, 'utf8')).toBe('mine');
    const nowhere = await run('backup', join(app.database.folder, 'missing', 'copy'));
    expect([nowhere.status, nowhere.output]).toEqual([1, expect.stringContaining('ENOENT')]);
  });

  it('restores no file that is damaged, missing, or of something else', async () => {
    const { access } = await app.newLogin();
    await run('backup', copy);
    truncateSync(copy, Math.floor(statSync(copy).size / 2));
    const other = join(app.database.folder, 'other');
    writeFileSync(other, 'no database'.repeat(1000));
    for (const file of [copy, other, join(app.database.folder, 'missing')]) {
      const { status, output } = await run('restore', file);
      expect([status, output]).toEqual([1, expect.stringContaining(file)]);
    }
    expect(await statusOf(access)).toBe(200);
  });

  it.each([[['backup']], [['backup', 'a', 'b']], [['restore', 'a', '--all']]])(
    'prints its usage for the arguments %j',
    async (words) => {
      const { status, output } = await run(...words);
      expect([status, output]).toEqual([2, expect.stringMatching(/^Usage: npm run admin -- /)]);
    },
  );

  if (engine === 'sqlite') {
    it('refuses to restore while the service runs, and changes nothing', async () => {
      const { access } = await app.newLogin();
      await run('backup', copy);
      const { status, output } = await run('restore', copy);
      expect([status, output]).toEqual([1, expect.stringContaining('Stop the service')]);
      expect(await statusOf(access)).toBe(200);
      expect(
        readdirSync(app.database.folder).filter((name) => /restoring|before/.test(name)),
      ).toEqual([]);
    });

    it('keeps the database that it replaces, which can be restored as well', async () => {
      await run('backup', copy);
      const later = await app.newLogin();
      const { output } = await restore();
      expect(await statusOf(later.access)).toBe(401);
      const [, replaced = ''] = /is now (\S+)\.$/m.exec(output)!;
      expect(existsSync(replaced)).toBe(true);
      copy = replaced;
      await restore();
      expect(await statusOf(later.access)).toBe(200);
    });
  }
});
