import type { Mutant } from './mutant.js';
import { randomFrom, shuffled } from './random.js';
import { targets } from './targets.js';

/** A random choice of mutants, the same for the same seed and source. */
export interface Sample {
  seed: number;
  /** The maximum number of mutants of one file. */
  perFile: number;
}

/** The file of a place, which is the path of a file, or one of its lines (`src/a.ts:12`). */
export const fileOf = (place: string) => place.replace(/:\d+$/, '');

/**
 * The mutants to run, by file.
 *
 * @param places files, or lines of files (`src/a.ts:12`); an empty list means every file
 * @param sample null means all mutants
 */
export function chosen(all: readonly Mutant[], places: readonly string[], sample: Sample | null) {
  const files = places.length > 0 ? new Set(places.map(fileOf)) : Object.keys(targets);
  const isChosen = ({ file, line }: Mutant) =>
    places.length === 0 || places.includes(file) || places.includes(`${file}:${line}`);
  const byFile = new Map(
    [...files].map((file) => [file, all.filter((each) => each.file === file && isChosen(each))]),
  );
  if (sample === null) return byFile;
  const random = randomFrom(sample.seed);
  return new Map(
    shuffled([...byFile], random).map(([file, mutants]) => [
      file,
      shuffled(mutants, random).slice(0, sample.perFile),
    ]),
  );
}
