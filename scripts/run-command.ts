import { ApiError } from '../src/errors/api-error.js';
import { messageOf } from '../src/errors/error-message.js';
import { StartError } from '../src/errors/start-error.js';

/**
 * Runs a command, and prints the text that it returns, if any. If the command fails, this prints
 * one message on standard error, without a stack, and sets the exit code 1.
 */
export async function runCommand(
  command: () => Promise<string | undefined | void> | string | undefined,
): Promise<void> {
  try {
    const output = await command();
    if (output !== undefined) console.log(output);
  } catch (error) {
    console.error(textOf(error));
    process.exitCode = 1;
  }
}

function textOf(error: unknown): string {
  if (error instanceof StartError) return error.message;
  const reason = error instanceof ApiError ? error.reason : messageOf(error);
  return `The command failed: ${reason}`;
}
