import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Access,
  accessMatrix,
  accessPage,
  type MatrixRow,
} from '../../../scripts/access-matrix.js';
import type { Role } from '../../../src/users/roles/roles.js';
import { roleNames } from '../../../src/users/roles/scope.js';
import { UserRolesService } from '../../../src/users/roles/user-roles.service.js';
import { allRoutes } from '../../support/features.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

/** The codes of errors for a token that is missing or does not meet the requirement of a route. */
const REFUSED = ['token_missing', 'scope_required', 'claim_required', 'wrong_token_type'];

describe('docs/access.md', () => {
  let app: TestApp;
  let compatible: TestApp;

  beforeAll(async () => {
    app = await bootApp({ FLASK_COMPAT: 'false', ...allRoutes });
    compatible = await bootApp({ FLASK_COMPAT: 'true', ...allRoutes });
    // Without another one, the last administrator could not be deleted.
    for (const each of [app, compatible]) await newLogin(each, 'admin');
  });
  afterAll(async () => {
    await app.close();
    await compatible.close();
  });

  const newLogin = async (service: TestApp, role?: Role) => {
    const user = await service.newUser();
    const roles = service.app.get(UserRolesService, { strict: false });
    if (role) await roles.setRole(user.name, role, true);
    return { id: user.id, ...(await service.login(user)) };
  };

  /** Sends an empty body, so that a route that accepts the token changes little. */
  const isRefused = async (
    service: TestApp,
    { route, token }: MatrixRow,
    user: { id: number; access: string; refresh: string } | null,
    id: number,
  ): Promise<boolean> => {
    const [method = '', pattern = ''] = route.split(' ');
    const sent = user && (token === 'refresh' ? user.refresh : user.access);
    const { status, body } = await service.send(method, pattern.replace(/:\w+/g, String(id)), {
      ...(sent !== null && { token: sent, headers: { 'x-access-tokens': sent } }),
      ...(method !== 'GET' && { json: {} }),
    });
    if (status !== 401 && status !== 403) return false;
    // The tutorial's errors have no code. A public route may refuse other credentials.
    return token !== null && (body.code === undefined || REFUSED.includes(body.code as string));
  };

  const accessOf = async (service: TestApp, row: MatrixRow, role?: Role): Promise<Access> => {
    const [own, other] = [await newLogin(service, role), await newLogin(service, role)];
    if (!(await isRefused(service, row, own, other.id))) return 'yes';
    return (await isRefused(service, row, own, own.id)) ? 'no' : 'own';
  };

  it('is what the decorators say (run `npm run openapi` if it differs)', () => {
    const page = accessPage(accessMatrix(app.app), accessMatrix(compatible.app));
    expect(readFileSync('docs/access.md', 'utf8')).toBe(page);
  });

  it.each([
    ['false', () => app],
    ['true', () => compatible],
  ])('is what the service does with FLASK_COMPAT=%s', async (_, service) => {
    const matrix = accessMatrix(service().app);
    expect(matrix.length).toBeGreaterThan(20);
    for (const row of matrix) {
      expect([row.route, await isRefused(service(), row, null, 1)]).toEqual([
        ...[row.route, row.token !== null],
      ]);
      expect([row.route, await accessOf(service(), row)]).toEqual([row.route, row.user]);
      for (const role of roleNames) {
        const access = await accessOf(service(), row, role);
        expect([row.route, role, access]).toEqual([row.route, role, row.roles[role]]);
      }
    }
  });
});
