import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyOf, type Mutant } from './mutant.js';

/** A mutant that no test can or should notice, with the reason. */
export type Explained = Pick<Mutant, 'file' | 'within' | 'from' | 'to'> & { reason: string };

export function readExplained(root: string): Explained[] {
  return JSON.parse(readFileSync(join(root, 'mutate', 'explained.json'), 'utf8')) as Explained[];
}

/** The entries whose mutant no longer exists. */
export function staleAmong(explained: readonly Explained[], mutants: readonly Mutant[]) {
  const keys = new Set(mutants.map(keyOf));
  return explained.filter((entry) => !keys.has(keyOf(entry)));
}
