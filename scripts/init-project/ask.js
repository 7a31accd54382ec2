import { createInterface } from 'node:readline/promises';
import { parts } from './parts.js';

/**
 * Asks which parts to keep. A part is not offered if it needs another one that goes.
 *
 * @returns {Promise<string[]>} the names of the parts
 */
export async function askForParts() {
  if (!process.stdin.isTTY) {
    throw new Error(
      'There is no terminal to ask in: name the parts with --keep, or use --keep none.',
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const kept = [];
  try {
    for (const [name, { about, needs = [] }] of Object.entries(parts)) {
      if (!needs.every((other) => kept.includes(other))) continue;
      const answer = await terminal.question(`Keep ${name}, ${about}? (y/N) `);
      if (/^y(es)?$/i.test(answer.trim())) kept.push(name);
    }
  } finally {
    terminal.close();
  }
  return kept;
}
