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
import type { LoggedIn } from '../../support/client.js';
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
    for (const each of [app, compatible]) await each.newLogin('admin');
  });
  afterAll(async () => {
    await app.close();
    await compatible.close();
  });

  /** Sends an empty body, so that a route that accepts the token changes little. */
  const isRefused = async (
    service: TestApp,
    { route, token }: MatrixRow,
    user: LoggedIn | null,
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

  /** Logins, which are made again only after a request that may have ended them. */
  const logins = new Map<string, LoggedIn>();
  const loginOf = async (service: TestApp, name: string, role?: Role): Promise<LoggedIn> => {
    const login = logins.get(name) ?? (await service.newLogin(...(role ? [role] : [])));
    logins.set(name, login);
    return login;
  };

  const accessOf = async (service: TestApp, row: MatrixRow, role?: Role): Promise<Access> => {
    const own = await loginOf(service, `own ${role}`, role);
    const other = await loginOf(service, `other ${role}`, role);
    const isRefusedFor = async ({ id }: LoggedIn): Promise<boolean> => {
      const refused = await isRefused(service, row, own, id);
      if (!refused && !row.route.startsWith('GET ')) logins.clear();
      return refused;
    };
    if (!(await isRefusedFor(other))) return 'yes';
    return (await isRefusedFor(own)) ? 'no' : 'own';
  };

  it('is what the decorators say (run `npm run openapi` if it differs)', () => {
    const page = accessPage(accessMatrix(app.app), accessMatrix(compatible.app));
    expect(readFileSync('docs/access.md', 'utf8')).toBe(page);
  });

  it.each([
    ['false', () => app],
    ['true', () => compatible],
  ])('is what the service does with FLASK_COMPAT=%s', async (_, service) => {
    logins.clear();
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
