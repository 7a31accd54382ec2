import type { Mutant } from './mutant.js';
import { randomFrom, shuffled } from './random.js';
import { targets } from './targets.js';

/** How many mutants of one file a sample has. */
const SAMPLE_OF_FILE = 6;

/** The file of a place, which is a file or one of its lines (`src/a.ts:12`). */
export const fileOf = (place: string) => place.replace(/:\d+$/, '');

/**
 * The mutants to try, by file: all of them, or a sample.
 *
 * @param places files, or lines of files (`src/a.ts:12`); every file if there are none
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
      shuffled(mutants, random).slice(0, SAMPLE_OF_FILE),
    ]),
  );
}
