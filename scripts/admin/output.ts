import { once } from 'node:events';

/** The result of a command, as text and as one JSON document. */
interface Result {
  text: string;
  json: unknown;
  /** Whether the exit code is 1, although there is a result. */
  hasFailed?: boolean;
}

/** Rows of a listing, as text and as JSON. */
export interface ListedRows {
  lines: readonly string[];
  items: readonly unknown[];
}

/** A result of any size, which is printed page by page. As JSON it is one array. */
interface Listing {
  pages: AsyncIterable<ListedRows>;
  /** A hint for the operator after the last page, such as that there is more. */
  hint?: () => string | null;
}

export type Output = Result | Listing;

/** Prints a result on standard output. With `isJson` it is exactly one JSON document. */
export async function print(output: Output, isJson: boolean): Promise<void> {
  if (!('pages' in output)) {
    if (output.hasFailed === true) process.exitCode = 1;
    return write(isJson ? `${JSON.stringify(output.json)}\n` : `${output.text}\n`);
  }
  if (isJson) return printArray(output.pages);
  for await (const { lines } of output.pages) {
    if (lines.length > 0) await write(`${lines.join('\n')}\n`);
  }
  const hint = output.hint?.();
  if (hint) process.stderr.write(`${hint}\n`);
}

async function printArray(pages: AsyncIterable<ListedRows>): Promise<void> {
  // Nothing is printed before the first page is there, so that an error leaves no part of an array.
  let separator = '[\n';
  for await (const { items } of pages) {
    if (items.length === 0) continue;
    const rows = items.map((item) => JSON.stringify(item)).join(',\n');
    await write(`${separator}${rows}`);
    separator = ',\n';
  }
  await write(separator === ',\n' ? '\n]\n' : '[]\n');
}

/** Waits for a reader that is slower than the command. */
async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** Formats rows as columns that are as wide as their longest cell. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, index) =>
    Math.max(...rows.map((row) => row[index]!.length)),
  );
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index]!))
      .join('  ')
      .trimEnd(),
  );
}

/** @param count of sessions */
export function describeSessions(count: number): string {
  return count === 1 ? '1 session' : `${count} sessions`;
}

export function describeSize(bytes: number): string {
  if (bytes < 1_000_000) return `${Math.ceil(bytes / 1000)} kB`;
  if (bytes < 1_000_000_000) return `${(bytes / 1_000_000).toFixed(1)} MB`;
  return `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}
