import type { Mutant } from './mutant.js';
import { randomFrom, shuffled } from './random.js';
import { targets } from './targets.js';

/** The maximum number of mutants of one file in a sample. */
const SAMPLE_PER_FILE = 6;

/** The file of a place, which is the path of a file, or one of its lines (`src/a.ts:12`). */
export const fileOf = (place: string) => place.replace(/:\d+$/, '');

/**
 * The mutants to run, by file.
 *
 * @param places files, or lines of files (`src/a.ts:12`); an empty list means every file
 * @param seed of a sample; null means all mutants
 */
export function chosen(all: readonly Mutant[], places: readonly string[], seed: number | null) {
  const files = places.length > 0 ? new Set(places.map(fileOf)) : Object.keys(targets);
  const isChosen = ({ file, line }: Mutant) =>
    places.length === 0 || places.includes(file) || places.includes(`${file}:${line}`);
  const byFile = new Map(
    [...files].map((file) => [file, all.filter((each) => each.file === file && isChosen(each))]),
  );
  if (seed === null) return byFile;
  const random = randomFrom(seed);
  return new Map(
    shuffled([...byFile], random).map(([file, mutants]) => [
      file,
      shuffled(mutants, random).slice(0, SAMPLE_PER_FILE),
    ]),
  );
}
