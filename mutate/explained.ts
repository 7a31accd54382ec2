import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyOf, type Mutant } from './mutant.js';

/** A mutant that no test can or should notice, with the reason. */
export type Explained = Pick<Mutant, 'file' | 'within' | 'from' | 'to'> & { reason: string };

/** The entries of `explained.json`, without those of features that were removed from the source. */
export function readExplained(root: string): Explained[] {
  const text = readFileSync(join(root, 'mutate', 'explained.json'), 'utf8');
  return (JSON.parse(text) as Explained[]).filter(({ file }) => existsSync(join(root, file)));
}

/** The entries whose mutant no longer exists. */
export function staleAmong(explained: readonly Explained[], mutants: readonly Mutant[]) {
  const keys = new Set(mutants.map(keyOf));
  return explained.filter((entry) => !keys.has(keyOf(entry)));
}
