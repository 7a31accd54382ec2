import { UserAdministrationService } from '../../src/users/administration/user-administration.service.js';
import type { AdminCommand, Call } from './admin-command.js';
import { confirm } from './confirm.js';
import { describeSessions, type Output } from './output.js';
import { withServices } from './services.js';

export function addSessionCommands(program: AdminCommand): void {
  program
    .command('sessions')
    .description('ends the sessions of all users')
    .command('end-all')
    .description('makes all users log in again')
    .option('--yes', 'does not ask for a confirmation')
    .runs(endAll);
}

async function endAll(call: Call): Promise<Output> {
  await confirm(call, 'This makes all users log in again.', 'end all');
  return withServices(call.config, async (get) => {
    const count = await get(UserAdministrationService).endAllSessions();
    return { text: `Ended ${describeSessions(count)}.`, json: { ended_sessions: count } };
  });
}
