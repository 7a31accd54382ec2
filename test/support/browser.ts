import { existsSync } from 'node:fs';
import { describe } from '@jest/globals';
import { type Browser, chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

/** Tests that need a real Chromium, skipped in plain words where there is none. */
export function describeInBrowser(name: string, tests: () => void): void {
  if (existsSync(executablePath)) return describe(name, tests);
  if (process.env.TEST_REQUIRE_ALL === 'true') throw new Error(`There is no ${executablePath}.`);
  console.warn(`SKIPPED: ${name} in a browser. Name a Chromium in CHROMIUM_PATH.`);
  // Skipped in the report, too, and never in .ci/run.
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
