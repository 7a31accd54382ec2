import { StartError } from '../src/errors/start-error.js';

/**
 * Runs a command of the command line, and prints the text that it gives, if it gives one. A command
 * that fails prints one message on standard error, without a stack, and ends with the exit code 1.
 */
export async function runCommand(
  work: () => Promise<string | undefined | void> | string | undefined,
): Promise<void> {
  try {
    const output = await work();
    if (output !== undefined) console.log(output);
  } catch (error) {
    console.error(error instanceof StartError ? error.message : `It failed: ${messageOf(error)}`);
    process.exitCode = 1;
  }
}

/** Node's error for an address of several hosts has no message, and holds one error for each. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(messageOf).join('; ');
  }
  return error instanceof Error ? error.message || error.name : String(error);
}
