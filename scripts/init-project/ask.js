import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { parts } from './parts.js';

/**
 * Asks which parts to keep. A part is not offered if it needs another one that goes.
 *
 * @returns {Promise<string[]>} the names of the parts
 */
export async function askForParts() {
  if (!process.stdin.isTTY) {
    throw new Error('There is no terminal to ask in. Name the parts with --keep.');
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const closed = once(terminal, 'close').then(() => {
    throw new Error('\nInterrupted; nothing was changed.');
  });
  const kept = [];
  for (const [name, { about, needs = [] }] of Object.entries(parts)) {
    if (!needs.every((other) => kept.includes(other))) continue;
    const question = terminal.question(`Keep ${name} (${about})? y/N: `);
    const answer = await Promise.race([question, closed]);
    if (/^y(es)?$/i.test(answer.trim())) kept.push(name);
  }
  closed.catch(() => undefined);
  terminal.close();
  return kept;
}
