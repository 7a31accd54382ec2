import { CommanderError } from 'commander';
import { ApiError } from '../../src/errors/api-error.js';
import { messageOf } from '../../src/errors/error-message.js';
import { StartError } from '../../src/errors/start-error.js';
import { AdminCommand, UsageError } from './admin-command.js';
import { addAuditCommands } from './audit-commands.js';
import { addDatabaseCommands } from './database-commands.js';
import { addDoctorCommand } from './doctor/doctor-command.js';
import { addMoveCommand } from './move/move-command.js';
import { addPurgeCommand } from './purge-command.js';
import { addSessionCommands } from './session-commands.js';
import { addUserCommands } from './user-commands.js';

/**
 * Runs the command of the arguments. Sets the exit code: 1 if the command fails, 2 if the arguments
 * are invalid.
 */
export async function runAdmin(args: readonly string[]): Promise<void> {
  // The reader may end early, such as head(1).
  process.stdout.on('error', endOnBrokenPipe);
  const program = createProgram();
  const isJson = args.includes('--json');
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = report(error, isJson);
  }
}

function endOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
}

function createProgram(): AdminCommand {
  const program = new AdminCommand('npm run admin --');
  program
    .usage('<command>')
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .addHelpText('after', '\nMore: docs/administration.md');
  addUserCommands(program);
  addSessionCommands(program);
  addAuditCommands(program);
  addDoctorCommand(program);
  addPurgeCommand(program);
  addDatabaseCommands(program);
  addMoveCommand(program);
  return program;
}

/** Prints an error on standard error, without a stack. Returns the exit code. */
function report(error: unknown, isJson: boolean): number {
  // Commander has printed its help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const isUsage = error instanceof UsageError;
  const message = textOf(error);
  if (isJson) console.error(JSON.stringify({ error: message }));
  else if (isUsage) console.error(`${error.command.helpInformation()}\nerror: ${message}`);
  else console.error(message);
  return isUsage ? 2 : 1;
}

function textOf(error: unknown): string {
  if (error instanceof UsageError || error instanceof StartError) return error.message;
  if (error instanceof ApiError) return apiMessageOf(error);
  return `The command failed: ${messageOf(error)}`;
}

/** Turns an error of the API into a message for a terminal. */
function apiMessageOf({ kind, body, reason }: ApiError): string {
  if (kind.status >= 500) return `The command failed: ${reason}`;
  const { message = body.error } = body;
  if (typeof message === 'string') return message;
  return Object.entries(message)
    .map(([field, messages]) => `${field}: ${messages.join(' ')}`)
    .join('\n');
}
