import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { StartError } from '../src/errors/start-error.js';

/** Bytes of standard input that are read at most: more than any password has. */
const MAX_BYTES = 4096;

/**
 * A new password: asked for twice and not shown on a terminal, otherwise the whole of standard input
 * without the end of its last line.
 *
 * @throws StartError if the two differ, or what was read is no text
 */
export async function readNewPassword(): Promise<string> {
  if (!process.stdin.isTTY) return readAll();
  const [password, repeated] = await ask('Password: ', 'Password again: ');
  if (password !== repeated) throw new StartError('The two passwords differ; nothing was changed.');
  return password ?? '';
}

/** Asks on standard error, so that standard output holds the result alone. */
async function ask(...questions: string[]): Promise<string[]> {
  // readline shows what is typed on its output, and switches the terminal's own echo off.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  const given = new AbortController();
  lines.on('SIGINT', () => given.abort());
  lines.on('close', () => given.abort());
  try {
    const answers: string[] = [];
    for (const question of questions) {
      process.stderr.write(question);
      answers.push(await lines.question('', { signal: given.signal }));
      process.stderr.write('\n');
    }
    return answers;
  } catch (error) {
    if (!given.signal.aborted) throw error;
    process.stderr.write('\n');
    throw new StartError('No password was given; nothing was changed.');
  } finally {
    lines.close();
  }
}

async function readAll(): Promise<string> {
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
