import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { StartError } from '../src/errors/start-error.js';

/** The maximum number of bytes of standard input, which is more than any password has. */
const MAX_BYTES = 4096;

/**
 * Reads a new password. On a terminal it asks twice, without an echo. Otherwise it takes the whole
 * standard input without the final line break.
 *
 * @throws StartError if the two passwords differ, or if the input is too long or not UTF-8
 */
export async function readNewPassword(): Promise<string> {
  if (!process.stdin.isTTY) return readStandardInput();
  const [password, repeated] = await ask('Password: ', 'Repeat password: ');
  if (password !== repeated) {
    throw new StartError('The two passwords do not match; nothing was changed.');
  }
  return password ?? '';
}

/** Asks on standard error, so that standard output holds only the result. */
async function ask(...questions: string[]): Promise<string[]> {
  // readline turns the terminal's echo off and writes the input to its output, which is discarded.
  const discard = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: discard, terminal: true });
  const cancelled = new AbortController();
  lines.on('SIGINT', () => cancelled.abort());
  lines.on('close', () => cancelled.abort());
  try {
    const answers: string[] = [];
    for (const question of questions) {
      process.stderr.write(question);
      answers.push(await lines.question('', { signal: cancelled.signal }));
      process.stderr.write('\n');
    }
    return answers;
  } catch (error) {
    if (!cancelled.signal.aborted) throw error;
    process.stderr.write('\n');
    throw new StartError('No password was entered; nothing was changed.');
  } finally {
    lines.close();
  }
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new StartError('Standard input is longer than any password.');
    chunks.push(chunk);
  }
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return decoder.decode(Buffer.concat(chunks)).replace(/\r?\n$/, '');
  } catch {
    throw new StartError('Standard input is not UTF-8.');
  }
}
