/**
 * Measures the built product against the floor: the same routes written by hand, with the same
 * libraries and no framework. See `usage` for the options. The exit code says whether the
 * benchmark ran, not whether a target was met: a benchmark is no test.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contest, type Result } from './contest.js';
import { startContestants } from './contestants.js';
import { type Options, readOptions, usage } from './options.js';
import { machine, markdownTable, meetsTarget, textTable } from './report.js';

async function run({ scenarios, rounds, seconds, markdown }: Options): Promise<void> {
  const folder = temporaryFolder();
  const contestants = await startContestants(folder);
  const results: Result[] = [];
  for (const scenario of scenarios) {
    console.error(`${scenario.method} ${scenario.path} …`);
    results.push(await contest(scenario, contestants, { rounds, seconds }));
  }
  await Promise.all([contestants.product.stop(), contestants.floor.stop()]);

  console.log(`\n${machine()}; ${rounds} rounds of ${seconds} s\n`);
  console.log(markdown ? markdownTable(results) : textTable(results));
  for (const { scenario, ratio } of results.filter((each) => !meetsTarget(each))) {
    console.log(
      `\nMissed: ${scenario.method} ${scenario.path} reaches ${ratio.median.toFixed(3)} of the floor, and should ${scenario.target}.`,
    );
  }
}

/** Removed however this process ends. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

// Without a handler of its own a signal would end the process past all `exit` handlers.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

try {
  const options = readOptions(process.argv.slice(2));
  if (options) await run(options);
  else console.log(usage);
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
