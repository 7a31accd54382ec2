/** The child process of `Worker`: runs specs on request, on its own copy of the source. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCLI } from 'jest';

export interface Job {
  /** The files to write before the specs run, by their paths relative to the root of the copy. */
  files: Record<string, string>;
  specs: readonly string[];
}

export interface JobResult {
  /** The first test that failed; null if all passed. */
  failure: string | null;
}

const tree = process.cwd();
const testEnvironment = fileURLToPath(new URL('./fail-fast-environment.js', import.meta.url));

process.on('message', ({ files, specs }: Job) => {
  for (const [path, text] of Object.entries(files)) writeFileSync(join(tree, path), text);
  void firstFailure(specs).then((failure) => process.send!({ failure } satisfies JobResult));
});

async function firstFailure(specs: readonly string[]): Promise<string | null> {
  for (const spec of specs) {
    const failure = await run(spec);
    if (failure !== null) return failure;
  }
  return null;
}

async function run(spec: string): Promise<string | null> {
  const selected = spec.endsWith('.e2e-spec.ts') ? 'sqlite' : 'unit';
  const argv = {
    _: [join(tree, spec)],
    $0: '',
    ...{ runTestsByPath: true, selectProjects: [selected], runInBand: true, silent: true },
    ...{ watchman: false, testEnvironment, reporters: [], coverage: false },
  };
  const { results } = await runCLI(argv, [tree]);
  if (results.success && results.numPassedTests > 0) return null;
  for (const { testResults, testFilePath } of results.testResults) {
    const failed = testResults.find(({ status }) => status === 'failed');
    if (failed) return `${testFilePath.slice(tree.length + 1)}: ${failed.fullName}`;
  }
  return `${spec} did not run`;
}
