import { existsSync } from 'node:fs';
import { describe } from '@jest/globals';
import { type Browser, chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

/** Defines tests that need Chromium. Without it they are skipped, and a warning says so. */
export function describeInBrowser(name: string, tests: () => void): void {
  if (existsSync(executablePath)) return describe(name, tests);
  if (process.env.TEST_REQUIRE_ALL === 'true')
    throw new Error(`Chromium is not at ${executablePath}.`);
  console.warn(`SKIPPED: ${name}. Name a Chromium in CHROMIUM_PATH.`);
  // The report shows the skipped tests, too. `.ci/run` never skips them.
  describe.skip(name, tests);
}

/** @param args more options of Chromium */
export function launchBrowser(...args: string[]): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      ...args,
    ],
  });
}
