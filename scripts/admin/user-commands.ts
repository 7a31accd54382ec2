import { StartError } from '../../src/errors/start-error.js';
import { escapeText } from '../../src/logging/escape-text.js';
import { CreateUser } from '../../src/users/dto/user-body.dto.js';
import type { Role } from '../../src/users/roles/roles.js';
import { isRole, roleNames } from '../../src/users/roles/scope.js';
import { UserRolesService } from '../../src/users/roles/user-roles.service.js';
import { UsersService } from '../../src/users/users.service.js';
import { validateBody } from '../../src/validation/validate-body.js';
import { readNewPassword } from '../read-password.js';
import type { AdminCommand, Call } from './admin-command.js';
import { userOf, withUser } from './named-user.js';
import type { Output } from './output.js';
import { withServices } from './services.js';
import { addUserChanges } from './user-changes.js';
import { addUserViews } from './user-views.js';

export function addUserCommands(program: AdminCommand): void {
  const user = program.command('user').description('adds, shows, changes and deletes users');
  user
    .command('create <name>')
    .description('adds a user; asks for the password, or reads it from standard input')
    .runs(createUser);
  addUserViews(user);
  user
    .command('roles <name> [roles...]')
    .description('shows the roles of the user, or replaces them')
    .option('--none', 'removes all roles')
    .addHelpText(
      'after',
      `\nThe roles are ${roleNames.join(', ')}. They apply from the next request on.`,
    )
    .runs(changeRoles);
  addUserChanges(user);
  program
    .command('grant <name>')
    .description('gives the user the role admin')
    .runs((call) => setAdmin(call, true));
  program
    .command('revoke <name>')
    .description('takes the role admin away from the user')
    .runs((call) => setAdmin(call, false));
}

/** Applies the same rules as `POST /api/users`, but ignores `REGISTRATION`. */
async function createUser({ config, words: [name] }: Call): Promise<Output> {
  return withServices(config, async (get) => {
    const body = validateBody(CreateUser, { name, password: await readNewPassword() }, config);
    const user = await get(UsersService).register(body, {});
    return {
      text: `Created the user ${escapeText(user.name)} with the id ${user.id}.`,
      json: { id: user.id, name: user.name },
    };
  });
}

async function changeRoles(call: Call): Promise<Output> {
  const { config, words, options } = call;
  const [name, given] = words as [string, string[]];
  const removesAll = options.none === true;
  if (removesAll && given.length > 0) call.refuse('--none cannot be combined with roles');
  return withUser(config, name, async (get) => {
    const { id } = await userOf(get, name);
    if (!given.every(isRole)) throw unknownRole(given);
    const service = get(UserRolesService);
    const isChange = removesAll || given.length > 0;
    const roles = await (isChange ? service.replace(id, given) : service.get(id));
    return { text: describeRoles(name, roles), json: { id, name, roles } };
  });
}

function unknownRole(given: readonly string[]): StartError {
  const unknown = escapeText(given.find((each) => !isRole(each))!);
  return new StartError(
    `There is no role ${unknown}. The roles are ${roleNames.join(', ')}. A role that was added to src/users/roles/roles.ts exists after npm run build.`,
  );
}

function describeRoles(name: string, roles: readonly Role[]): string {
  const list = roles.length === 0 ? 'no role' : `the roles: ${roles.join(', ')}`;
  return `${escapeText(name)} has ${list}.`;
}

async function setAdmin(call: Call, isGranted: boolean): Promise<Output> {
  const name = call.words[0] as string;
  return withUser(call.config, name, async (get) => {
    const roles = await get(UserRolesService).setRole(name, 'admin', isGranted);
    const { id } = await userOf(get, name);
    const status = isGranted ? 'an administrator' : 'no longer an administrator';
    return {
      text: `${escapeText(name)} is ${status} from the next request on.`,
      json: { id, name, roles },
    };
  });
}
