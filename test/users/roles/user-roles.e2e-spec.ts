import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditEntry } from '../../../src/audit/audit-entry.entity.js';
import { TokenService } from '../../../src/tokens/token.service.js';
import { UserRole } from '../../../src/users/roles/user-role.entity.js';
import { roleNames } from '../../../src/users/roles/scope.js';
import { UserRolesService } from '../../../src/users/roles/user-roles.service.js';
import { User } from '../../../src/users/user.entity.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

describe('Roles', () => {
  let app: TestApp;
  let admin: Awaited<ReturnType<TestApp['newLogin']>>;
  const roles = () => app.app.get(UserRolesService, { strict: false });
  const pathOf = ({ id }: { id: number }) => `/api/users/${id}/roles`;
  const put = (user: { id: number }, names: unknown, token = admin.access) =>
    app.send('PUT', pathOf(user), { token, json: { roles: names } });
  const codeFor = async (token: string) =>
    (await app.get('/auth/me', { token })).body.code as string | undefined;

  beforeAll(async () => {
    app = await bootApp({ FLASK_COMPAT: 'false' });
    admin = await app.newLogin('admin');
  });
  afterAll(() => app.close());

  it('shows the roles of a user to that user and to administrators only', async () => {
    const user = await app.newLogin();
    expect((await app.get(pathOf(user), { token: user.access })).body).toEqual([]);
    expect((await app.get(pathOf(admin), { token: admin.access })).body).toEqual(['admin']);
    expect((await app.get(pathOf(user), { token: admin.access })).status).toBe(200);
    const refused = await app.get(pathOf(admin), { token: user.access });
    expect([refused.status, refused.body.code]).toEqual([403, 'scope_required']);
    expect((await app.get(pathOf(user))).body.code).toBe('token_missing');
    const missing = { id: 2_000_000_000 };
    expect((await app.get(pathOf(missing), { token: admin.access })).status).toBe(404);
  });

  it('lets only administrators with a fresh token replace roles', async () => {
    const user = await app.newLogin();
    expect((await put(user, ['admin'], user.access)).body.code).toBe('scope_required');
    const { body } = await app.send('POST', '/auth/refresh', { token: admin.refresh });
    admin.refresh = String(body.refresh_token);
    const stale = await put(user, ['admin'], String(body.access_token));
    expect([stale.status, stale.body.code]).toEqual([401, 'fresh_token_required']);
    expect(await roles().find(user.id)).toEqual([]);
    expect((await put({ id: 2_000_000_000 }, [])).status).toBe(404);
    expect((await put({ id: 2 ** 53 - 1 }, [])).status).toBe(404);
  });

  it('refuses an unknown role and any other invalid body, before it looks for the user', async () => {
    for (const names of [['admin', 'pilot'], ['constructor'], [1], 'admin', null, undefined]) {
      const { status, body } = await put({ id: 2_000_000_000 }, names);
      expect([status, body.code]).toEqual([400, 'validation_failed']);
    }
    const { body } = await put(admin, ['pilot']);
    expect(body.message).toEqual({ roles: [`Must be one of: ${roleNames.join(', ')}.`] });
  });

  it('gives a new scope from the next request on, without ending the session', async () => {
    const user = await app.newLogin();
    expect((await put(user, ['admin', 'admin'])).body).toEqual(['admin']);
    const refused = await app.get('/auth/me', { token: user.access });
    expect([refused.status, refused.body.code]).toEqual([401, 'token_expired']);

    const { body } = await app.send('POST', '/auth/refresh', { token: user.refresh });
    const token = String(body.access_token);
    const { claims, scope } = (await app.get('/auth/token', { token })).body as {
      claims: Record<string, unknown>;
      scope: unknown;
    };
    expect([scope, claims.fresh, claims.rv]).toEqual([{ admin: true }, false, 1]);
    expect((await app.get('/auth/me', { token })).body).toMatchObject({
      admin: true,
      roles: ['admin'],
    });
    expect((await app.get('/api/users', { token })).status).toBe(200);

    expect((await put(user, [])).body).toEqual([]);
    expect(await codeFor(token)).toBe('token_expired');
    const after = await app.login(user);
    expect((await app.get('/auth/me', { token: after.access })).body).toMatchObject({
      admin: false,
      roles: [],
    });
    expect((await app.get('/api/users', { token: after.access })).status).toBe(403);
  });

  it('changes nothing if the set of roles stays the same', async () => {
    const user = await app.newLogin();
    const entries = () =>
      app.sql((manager) => manager.countBy(AuditEntry, { userId: user.id, actorId: admin.id }));
    expect((await put(user, [])).status).toBe(200);
    expect(await codeFor(user.access)).toBeUndefined();
    expect(await entries()).toBe(0);
    await put(user, ['admin']);
    const again = await app.login(user);
    await put(user, ['admin']);
    expect(await codeFor(again.access)).toBeUndefined();
    expect(await entries()).toBe(1);
    await put(user, []);
  });

  it('lets a token without a role version keep its own scope', async () => {
    const user = await app.newUser();
    const tokens = app.app.get(TokenService, { strict: false });
    const scope = { admin: true };
    const { signed } = await tokens.createAccessToken(String(user.id), { scope });
    await roles().setRole(user.name, 'admin', true);
    await roles().setRole(user.name, 'admin', false);
    expect((await app.get('/api/users', { token: signed })).status).toBe(200);
  });

  it('refuses a token without a session as expired if its role version is another', async () => {
    const user = await app.newUser();
    const tokens = app.app.get(TokenService, { strict: false });
    const issue = (subject: string, roleVersion: number) =>
      tokens.createAccessToken(subject, { roleVersion });
    const [current, later, noUser] = [
      await issue(String(user.id), 0),
      await issue(String(user.id), 1),
      await issue('a machine', 0),
    ];
    expect(await codeFor(current.signed)).toBeUndefined();
    expect(await codeFor(later.signed)).toBe('token_expired');
    expect(await codeFor(noUser.signed)).toBe('token_expired');
    await tokens.revoke(current);
    await tokens.revoke(later);
    expect(await codeFor(current.signed)).toBe('token_revoked');
    expect(await codeFor(later.signed)).toBe('token_revoked');
  });

  it('refuses a token of an ended session as revoked, whatever its role version is', async () => {
    const user = await app.newLogin();
    await roles().setRole(user.name, 'admin', true);
    expect(await codeFor(user.access)).toBe('token_expired');
    await app.send('DELETE', '/auth/logout2', { token: user.refresh });
    expect(await codeFor(user.access)).toBe('token_revoked');
    await roles().setRole(user.name, 'admin', false);
  });

  it('follows instances of earlier versions, which write only the table of users', async () => {
    const user = await app.newUser();
    const setAdmin = (isAdmin: boolean) =>
      app.sql((manager) => manager.update(User, { id: user.id }, { admin: isAdmin }));
    await setAdmin(true);
    expect(await roles().find(user.id)).toEqual(['admin']);
    await setAdmin(false);
    expect(await roles().find(user.id)).toEqual([]);
    await setAdmin(true);
    await app.sql((manager) => manager.delete(User, { id: user.id }));
    expect(await app.sql((manager) => manager.countBy(UserRole, { userId: user.id }))).toBe(0);
  });

  it('ignores roles that the code does not declare, and replaces them', async () => {
    const user = await app.newUser();
    await app.sql((manager) => manager.insert(UserRole, { userId: user.id, role: 'retired' }));
    const { access } = await app.login(user);
    expect((await app.get(pathOf(user), { token: access })).body).toEqual([]);
    const rows = async () =>
      (await app.sql((manager) => manager.findBy(UserRole, { userId: user.id }))).map(
        ({ role }) => role,
      );
    await put(user, ['admin']);
    expect(await rows()).toEqual(['admin']);
    await app.sql((manager) => manager.insert(UserRole, { userId: user.id, role: 'retired' }));
    expect((await put(user, [])).body).toEqual([]);
    expect(await rows()).toEqual([]);
  });

  it('records who changed roles', async () => {
    const user = await app.newUser();
    await put(user, ['admin']);
    await put(user, []);
    const entries = await app.sql((manager) =>
      manager.find(AuditEntry, { where: { userId: user.id, actorId: admin.id }, order: { id: 1 } }),
    );
    expect(entries.map(({ event }) => event)).toEqual(['admin_granted', 'admin_revoked']);
  });

  describe('The last administrator', () => {
    const lastOnly = async (work: () => Promise<void>) => {
      const others = await app.sql((manager) => manager.findBy(UserRole, { role: 'admin' }));
      for (const { userId } of others) {
        if (userId !== admin.id) await roles().replace(userId, []);
      }
      await work();
      expect(await roles().find(admin.id)).toEqual(['admin']);
      expect(await codeFor(admin.access)).toBeUndefined();
    };

    it('cannot lose the role, over HTTP or by a command', () =>
      lastOnly(async () => {
        const { status, body } = await put(admin, []);
        expect([status, body.code]).toEqual([409, 'last_administrator']);
        await expect(roles().setRole(admin.name, 'admin', false)).rejects.toMatchObject({
          code: 'last_administrator',
        });
      }));

    it('cannot be deleted', () =>
      lastOnly(async () => {
        const path = `/api/users/${admin.id}`;
        const { status, body } = await app.send('DELETE', path, { token: admin.access });
        expect([status, body.code]).toEqual([409, 'last_administrator']);
      }));

    it('is one of two administrators who demote each other at once', () =>
      lastOnly(async () => {
        for (let round = 0; round < 5; round++) {
          const [one, other] = [await app.newLogin('admin'), await app.newLogin('admin')];
          // Also demotes the third administrator first, so that only two are left.
          await app.sql((manager) => manager.delete(UserRole, { userId: admin.id }));
          const answers = await Promise.all([
            put(other, [], one.access),
            put(one, [], other.access),
          ]);
          const left = await app.sql((manager) => manager.findBy(UserRole, { role: 'admin' }));
          expect(left).toHaveLength(1);
          expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
          const refused = answers.find(({ status }) => status !== 200)!;
          expect(['last_administrator', 'token_expired']).toContain(refused.body.code);
          await app.sql((manager) => manager.insert(UserRole, { userId: admin.id, role: 'admin' }));
          await roles().replace(left[0]!.userId, []);
        }
      }));

    it('is one of several administrators who demote or delete themselves at once', () =>
      lastOnly(async () => {
        const admins = await Promise.all(Array.from({ length: 4 }, () => app.newLogin('admin')));
        await app.sql((manager) => manager.delete(UserRole, { userId: admin.id }));
        const answers = await Promise.all(
          admins.map((user, index) =>
            index % 2 === 0
              ? put(user, [], user.access)
              : app.send('DELETE', `/api/users/${user.id}`, { token: user.access }),
          ),
        );
        expect(answers.map(({ status }) => status).sort()).toEqual([
          ...answers
            .map(({ status }) => status)
            .filter((status) => status < 300)
            .sort(),
          409,
        ]);
        const left = await app.sql((manager) => manager.findBy(UserRole, { role: 'admin' }));
        expect(left).toHaveLength(1);
        await app.sql((manager) => manager.insert(UserRole, { userId: admin.id, role: 'admin' }));
        await roles().replace(left[0]!.userId, []);
      }));
  });

  it('removes the roles of a deleted user', async () => {
    const user = await app.newLogin('admin');
    await app.send('DELETE', `/api/users/${user.id}`, { token: user.access });
    expect(await app.sql((manager) => manager.countBy(UserRole, { userId: user.id }))).toBe(0);
  });

  it('keeps users.admin in step with the roles', async () => {
    await app.newLogin('admin');
    const [users, rows] = await app.sql(async (manager) => [
      await manager.findBy(User, { admin: true }),
      await manager.findBy(UserRole, { role: 'admin' }),
    ]);
    const ids = users.map(({ id }) => id).sort((a, b) => a - b);
    expect(rows.map(({ userId }) => userId).sort((a, b) => a - b)).toEqual(ids);
  });
});
