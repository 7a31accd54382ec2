import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Holds the last other build alone, so that the folder does not grow. */
const FOLDER = '.cache/bench-against';
const LOCK_FILE = 'package-lock.json';

/** Another version of the product that the benchmark compares with. */
export interface OtherBuild {
  /** What the user has called it, with its commit. */
  name: string;
  /** The file that runs it. */
  script: string;
}

/**
 * Builds the product and its fixture as they are in a commit.
 *
 * @param ref a commit, a tag or a branch
 * @throws Error if it does not exist, or is older than the fixture
 */
export function buildOther(ref: string): OtherBuild {
  const commit = findCommit(ref);
  const folder = resolve(FOLDER, commit);
  const script = join(folder, '.cache/bench/bench/product.js');
  const name = `${ref} (${commit.slice(0, 7)})`;
  if (existsSync(script)) return { name, script };
  console.error(`Building ${name} …`);
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  run('sh', ['-c', `git archive ${commit} | tar -x -C '${folder}'`]);
  if (!existsSync(join(folder, 'bench/product.ts'))) {
    throw new Error(`${name} has no bench/product.ts, and so cannot be compared.`);
  }
  if (readFileSync(LOCK_FILE, 'utf8') === readFileSync(join(folder, LOCK_FILE), 'utf8')) {
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  } else {
    run('npm', ['ci', '--no-audit', '--no-fund'], folder);
  }
  // Builds with the commands of that commit, and measures nothing.
  run('npm', ['run', '--silent', 'bench', '--', '--help'], folder);
  return { name, script };
}

function findCommit(ref: string): string {
  const words = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`];
  try {
    return execFileSync('git', words, { encoding: 'utf8' }).trim();
  } catch {
    throw new Error(`--against ${ref}: there is no such commit in this repository.`);
  }
}

/** @throws Error with the output of the command, if it fails */
function run(command: string, words: readonly string[], cwd = '.'): void {
  try {
    execFileSync(command, words, { cwd, stdio: 'pipe', encoding: 'utf8' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${words.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}
