import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from '@jest/globals';

/** Debian installs servers in `/usr/sbin`, which is not in the PATH of every user. */
const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];

/** @returns the path of an installed program, or undefined */
export function findProgram(name: string): string | undefined {
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** Defines tests, or skips them and says why if something is missing that they need. */
export function describeUnless(reason: string | undefined, name: string, tests: () => void): void {
  if (reason === undefined) return describe(name, tests);
  if (process.env.TEST_REQUIRE_ALL === 'true') throw new Error(`TEST_REQUIRE_ALL: ${reason}`);
  describe.skip(`${name} (SKIPPED: ${reason})`, tests);
}

/**
 * Defines tests that need a program. Without it they are skipped.
 *
 * @param tests gets the path of the program
 */
export function describeWith(
  program: string,
  name: string,
  tests: (program: string) => void,
): void {
  const file = findProgram(program);
  const reason = file === undefined ? `${program} is not installed` : undefined;
  describeUnless(reason, name, () => tests(file ?? program));
}
