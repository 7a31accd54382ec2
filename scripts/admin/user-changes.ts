import { LoginUnlockService } from '../../src/auth/throttle/login-unlock.service.js';
import { NO_PRECONDITION } from '../../src/database/versions/precondition.js';
import { escapeText } from '../../src/logging/escape-text.js';
import { NewPassword } from '../../src/users/dto/user-body.dto.js';
import { UserAdministrationService } from '../../src/users/administration/user-administration.service.js';
import { UsersService } from '../../src/users/users.service.js';
import { validateBody } from '../../src/validation/validate-body.js';
import { readNewPassword } from '../read-password.js';
import type { AdminCommand, Call } from './admin-command.js';
import { confirm } from './confirm.js';
import { userOf, withUser } from './named-user.js';
import { describeSessions, type Output } from './output.js';

/** Adds `user set-password`, `end-sessions`, `unlock` and `delete`. */
export function addUserChanges(user: AdminCommand): void {
  user
    .command('set-password <name>')
    .description('asks for a new password, or reads it from standard input; ends all sessions')
    .runs(setPassword);
  user
    .command('end-sessions <name>')
    .description('ends all sessions of the user')
    .runs(endSessions);
  user
    .command('unlock <name>')
    .description('forgets failed logins, so that the user can log in at once')
    .runs(unlock);
  user
    .command('delete <name>')
    .description('deletes the user with all rows that belong to the user')
    .option('--yes', 'does not ask for a confirmation')
    .runs(deleteUser);
}

async function setPassword({ config, words: [name] }: Call): Promise<Output> {
  return withUser(config, name as string, async (get) => {
    const user = await userOf(get, name as string);
    const { password } = validateBody(NewPassword, { password: await readNewPassword() }, config);
    await get(UserAdministrationService).setPassword(user, password);
    return {
      text: `Changed the password of ${escapeText(user.name)}, and ended all sessions.`,
      json: { id: user.id, name: user.name },
    };
  });
}

async function endSessions({ config, words: [name] }: Call): Promise<Output> {
  return withUser(config, name as string, async (get) => {
    const user = await userOf(get, name as string);
    const count = await get(UserAdministrationService).endSessions(user.id);
    return {
      text: `Ended ${describeSessions(count)} of ${escapeText(user.name)}.`,
      json: { id: user.id, name: user.name, ended_sessions: count },
    };
  });
}

async function unlock({ config, words: [name] }: Call): Promise<Output> {
  return withUser(config, name as string, async (get) => {
    const user = await userOf(get, name as string);
    const isUnlocked = await get(LoginUnlockService).unlock(user);
    const shown = escapeText(user.name);
    return {
      text: isUnlocked
        ? `Deleted the failed logins of ${shown}, who can log in at once.`
        : `${shown} has no failed logins.`,
      json: { id: user.id, name: user.name, unlocked: isUnlocked },
    };
  });
}

async function deleteUser(call: Call): Promise<Output> {
  const name = call.words[0] as string;
  return withUser(call.config, name, async (get) => {
    const user = await userOf(get, name);
    const shown = escapeText(user.name);
    await confirm(call, `This deletes ${shown} with all rows of this user.`, user.name);
    await get(UsersService).remove(user.id, NO_PRECONDITION);
    return {
      text: `Deleted the user ${shown} with the id ${user.id}.`,
      json: { id: user.id, name: user.name },
    };
  });
}
