/** One small change to the source, which some test should fail for. */
export interface Mutant {
  /** The path from the root of the repository. */
  file: string;
  /** The offsets of the replaced text, and what replaces it. */
  start: number;
  end: number;
  text: string;
  /** The name of the kind of change, such as `condition` or `statement`. */
  operator: string;
  /** The line of the change, from 1. */
  line: number;
  /** The function or class around it, such as `LoginThrottle.attempt`; empty outside of any. */
  within: string;
  /** The changed lines before and after, with single spaces. */
  from: string;
  to: string;
}

/** How a mutant is told from others of its file, whatever the lines around it are. */
export function keyOf({ file, within, from, to }: Pick<Mutant, 'file' | 'within' | 'from' | 'to'>) {
  return JSON.stringify([file, within, from, to]);
}

export function applied({ start, end, text }: Mutant, source: string): string {
  return source.slice(0, start) + text + source.slice(end);
}
