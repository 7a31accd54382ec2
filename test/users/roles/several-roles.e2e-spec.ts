import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { TestApp } from '../../support/test-app.js';

jest.unstable_mockModule('../../../src/users/roles/roles.js', () => ({
  ROLES: {
    admin: { admin: true },
    editor: { books: ['read', 'write'], limits: { daily: 50 } },
    librarian: { books: ['read', 'lend'] },
  },
}));

describe('Several declared roles', () => {
  let app: TestApp;
  let admin: { id: number; access: string };
  const put = (id: number, roles: string[]) =>
    app.send('PUT', `/api/users/${id}/roles`, { token: admin.access, json: { roles } });

  beforeAll(async () => {
    const { bootApp } = await import('../../support/test-app.js');
    const { UserRolesService } = await import('../../../src/users/roles/user-roles.service.js');
    app = await bootApp();
    const user = await app.newUser();
    await app.app.get(UserRolesService, { strict: false }).setRole(user.name, 'admin', true);
    admin = { id: user.id, ...(await app.login(user)) };
  });
  afterAll(() => app.close());

  it('gives a user the union of the scopes of all roles', async () => {
    const user = await app.newLogin();
    expect((await put(user.id, ['librarian', 'editor'])).body).toEqual(['editor', 'librarian']);
    const { access } = await app.login(user);
    expect((await app.get('/auth/token', { token: access })).body.scope).toEqual({
      books: ['read', 'write', 'lend'],
      limits: { daily: 50 },
    });
    expect((await app.get('/auth/me', { token: access })).body).toMatchObject({
      admin: false,
      roles: ['editor', 'librarian'],
    });
  });

  it('names the declared roles in the error for an unknown one', async () => {
    const { status, body } = await put(admin.id, ['pilot']);
    expect([status, body.message]).toEqual([
      400,
      { roles: ['Must be one of: admin, editor, librarian.'] },
    ]);
  });

  it('records a change of roles other than admin under its own name', async () => {
    const user = await app.newUser();
    await put(user.id, ['editor']);
    await put(user.id, ['admin', 'librarian']);
    await put(user.id, ['librarian']);
    const { body } = await app.get<{ event: string }[]>(`/api/audit?user_id=${user.id}`, {
      token: admin.access,
    });
    expect(body.map(({ event }) => event)).toEqual([
      ...['user_created', 'roles_changed', 'admin_granted', 'roles_changed', 'admin_revoked'],
    ]);
  });
});
