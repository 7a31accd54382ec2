import { readFileSync } from 'node:fs';

/** A line of a .dockerignore. */
interface IgnoreRule {
  /** Matches a path or a folder above it. */
  pattern: RegExp;
  /** Whether the line begins with `!`, so that it adds what an earlier line left out. */
  adds: boolean;
}

/** Reads the rules of https://docs.docker.com/build/concepts/context/#dockerignore-files. */
export function readIgnoreRules(file: string): IgnoreRule[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ adds: line.startsWith('!'), pattern: patternOf(line.replace(/^!/, '')) }));
}

function patternOf(line: string): RegExp {
  const escaped = line.replace(/[.+()[\]{}^$|\\]/g, '\\$&');
  const matching = escaped.replace(/\*\*\/|\*/g, (stars) => (stars === '*' ? '[^/]*' : '(.*/)?'));
  return new RegExp(`^${matching}(/|$)`);
}

/** Whether a file of the repository is sent to Docker. The last rule that matches decides. */
export function isInContext(path: string, rules: IgnoreRule[]): boolean {
  return rules.findLast(({ pattern }) => pattern.test(path))?.adds ?? true;
}
