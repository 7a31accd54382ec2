import { addExampleCrates } from './fixture/add-example-crates.js';
import { FixtureModule } from './fixture/fixture.module.js';
import { bootApp, type TestApp, type TestAppOptions } from './test-app.js';

interface FixtureOptions extends Omit<TestAppOptions, 'prepare' | 'variant'> {
  /** Whether a new database gets the example crates, as by default. */
  examples?: boolean;
}

/**
 * Boots the application as `bootApp` does, with the resources of the tests: crates at `/api/crates`
 * and scrolls at `/api/scrolls`. A new database has the users of the tests and the example crates.
 */
export function bootFixtureApp(
  env: Record<string, string> = {},
  { imports = [], examples = true, ...options }: FixtureOptions = {},
): Promise<TestApp> {
  return bootApp(env, {
    ...options,
    imports: [FixtureModule, ...imports],
    ...(imports.length === 0 && { variant: 'fixture' }),
    ...(examples && { prepare: addExampleCrates }),
  });
}
