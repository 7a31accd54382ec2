import { fuzz, type FuzzReport } from '../../fuzz/fuzzer.js';
import { buildDocument } from '../../src/openapi/document.js';
import { UserRolesService } from '../../src/users/roles/user-roles.service.js';
import type { TestApp } from './test-app.js';

/** A fixed seed. `npm run fuzz` uses a new one each time. */
const SEED = 42;

/** Fuzzes an application of a test, only at the paths that `only` matches. */
export async function fuzzApp(
  { app, config, url }: TestApp,
  count: number,
  only = /^/,
): Promise<FuzzReport> {
  const document = structuredClone(buildDocument(app, config));
  for (const path of Object.keys(document.paths)) {
    if (!only.test(path)) delete document.paths[path];
  }
  const users = app.get(UserRolesService, { strict: false });
  const makeAdmin = (name: string) => users.setRole(name, 'admin', true);
  return fuzz({ url, document, makeAdmin }, { count, seed: SEED });
}
