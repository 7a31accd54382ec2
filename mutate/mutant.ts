/** One small change to the source, for which a test should fail. */
export interface Mutant {
  /** The path relative to the root of the repository. */
  file: string;
  /** The offset at which the replaced text starts. */
  start: number;
  /** The offset at which the replaced text ends. */
  end: number;
  /** The replacement. */
  text: string;
  /** The kind of change, such as `condition` or `statement`. */
  operator: string;
  /** The number of the line, from 1. */
  line: number;
  /** The enclosing function, such as `LoginThrottleService.attempt`, or class; empty at the top. */
  within: string;
  /** The lines before the change, with single spaces. */
  from: string;
  /** The lines after the change, with single spaces. */
  to: string;
}

/** Identifies a mutant, independently of its line number. */
export function keyOf({ file, within, from, to }: Pick<Mutant, 'file' | 'within' | 'from' | 'to'>) {
  return JSON.stringify([file, within, from, to]);
}

/** The source with the change applied. */
export function applied({ start, end, text }: Mutant, source: string): string {
  return source.slice(0, start) + text + source.slice(end);
}
