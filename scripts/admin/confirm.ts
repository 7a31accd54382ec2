import { createInterface } from 'node:readline/promises';
import { StartError } from '../../src/errors/start-error.js';
import { escapeText } from '../../src/logging/escape-text.js';
import type { Call } from './admin-command.js';

/**
 * Requires that the operator confirms a change that cannot be undone: with the option `--yes`, or on a
 * terminal by typing a text.
 *
 * @param consequence as a sentence
 * @throws StartError if the change is not confirmed
 */
export async function confirm(
  { options }: Call,
  consequence: string,
  expected: string,
): Promise<void> {
  if (options.yes === true) return;
  if (!process.stdin.isTTY) {
    throw new StartError(`${consequence} Add --yes to confirm that; nothing was changed.`);
  }
  process.stderr.write(`${consequence}\n`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const cancelled = new AbortController();
  lines.on('SIGINT', () => cancelled.abort()).on('close', () => cancelled.abort());
  const question = `Type ${escapeText(expected)} to confirm: `;
  const answer = await lines.question(question, { signal: cancelled.signal }).catch(() => null);
  lines.close();
  if (answer !== expected) throw new StartError('Not confirmed; nothing was changed.');
}
