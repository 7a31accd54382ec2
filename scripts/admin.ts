import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuditService } from '../src/audit/audit.service.js';
import { ApiError, notFound } from '../src/errors/api-error.js';
import { SecurityEventsService } from '../src/logging/security-events.service.js';
import { StartError } from '../src/errors/start-error.js';
import { validateBody } from '../src/validation/validate-body.js';
import { AppConfig } from '../src/config/app-config.js';
import { ConfigModule } from '../src/config/config.module.js';
import { DatabaseModule, openDatabase } from '../src/database/database.module.js';
import { createSqliteFile } from '../src/database/sqlite/sqlite-creation.js';
import { PeriodicJobsService } from '../src/scheduling/periodic-jobs.service.js';
import { SessionBatchesService } from '../src/sessions/session-batches.service.js';
import { SessionRepository } from '../src/sessions/session.repository.js';
import { CommonPasswordsService } from '../src/passwords/common-passwords.service.js';
import { CreateUser } from '../src/users/dto/user-body.dto.js';
import { PasswordHasher } from '../src/passwords/password-hasher.js';
import { PasswordRulesService } from '../src/users/passwords/password-rules.service.js';
import type { Role } from '../src/users/roles/roles.js';
import { isRole, roleNames } from '../src/users/roles/scope.js';
import { UserRoleRepository } from '../src/users/roles/user-role.repository.js';
import { UserRolesService } from '../src/users/roles/user-roles.service.js';
import { UserRemovalsService } from '../src/users/user-removals.service.js';
import { UserRepository } from '../src/users/user.repository.js';
import { UsersService } from '../src/users/users.service.js';
import { backUp, restore } from './backup/backup.js';
import { readNewPassword } from './read-password.js';
import { runCommand } from './run-command.js';

const usage = `Usage: npm run admin -- <command>
  user create <name>            adds a user; asks for the password, or reads it from standard input
  user roles <name>             shows the roles of the user
  user roles <name> <role> ...  replaces the roles of the user; --none instead removes them all
  grant <name>                  gives the user the role admin
  revoke <name>                 takes the role admin away from the user
  create-database               creates the SQLite file that DATABASE_URL names, with empty tables
  backup <file>                 writes a copy of the database; the service may be running
  restore <file>                replaces the database by a copy; stop the service before
                                --end-sessions makes all users log in again

The roles are ${roleNames.join(', ')}. They apply from the next request on.`;

/**
 * The providers that change users. They neither issue nor verify tokens, so that no key is needed.
 */
@Module({
  providers: [
    UsersService,
    UserRepository,
    UserRoleRepository,
    UserRolesService,
    PasswordHasher,
    PasswordRulesService,
    CommonPasswordsService,
    UserRemovalsService,
    SessionRepository,
    SessionBatchesService,
    AuditService,
    SecurityEventsService,
    PeriodicJobsService,
  ],
})
class UserCommandsModule {}

type Command = (config: AppConfig) => Promise<string>;
type UserCommand = (
  services: { users: UsersService; roles: UserRolesService },
  config: AppConfig,
) => Promise<string>;

/**
 * @returns the command for the arguments, or null if they are invalid. A command resolves with a
 * sentence for the operator.
 */
function commandOf(args: readonly string[]): Command | null {
  const [first, second, third, ...rest] = args;
  if (first === 'restore') return restoreCommandOf(args.slice(1));
  // An option in place of a name is a mistake.
  if (args.slice(1, 3).some((word) => word.startsWith('-'))) return null;
  if (first === 'create-database' && args.length === 1) return createDatabase;
  if (first === 'backup' && second !== undefined && args.length === 2) {
    return async ({ database }) => backUp(database, second);
  }
  if (first === 'user' && third !== undefined) {
    if (second === 'roles') return rolesCommandOf(third, rest);
    if (second !== 'create' || rest.length > 0) return null;
    return onUsers(third, ({ users }, config) => createUser(users, config, third));
  }
  if ((first !== 'grant' && first !== 'revoke') || second === undefined || args.length > 2) {
    return null;
  }
  return onUsers(second, async ({ roles }) => {
    await roles.setRole(second, 'admin', first === 'grant');
    const status = first === 'grant' ? 'an administrator' : 'no longer an administrator';
    return `${second} is ${status} from the next request on.`;
  });
}

function restoreCommandOf([file = '', ...options]: readonly string[]): Command | null {
  const endSessions = options.join() === '--end-sessions';
  if (file === '' || file.startsWith('-') || !(endSessions || options.length === 0)) return null;
  return ({ database }) => restore(database, file, { endSessions });
}

/** @param names of roles, or only `--none`; empty to show the roles */
function rolesCommandOf(name: string, names: readonly string[]): Command | null {
  const given = names.join() === '--none' ? [] : names;
  if (given.some((name) => name.startsWith('-'))) return null;
  return onUsers(name, async ({ users, roles }) => {
    const id = await users.idOf(name);
    if (id === null) throw new ApiError(notFound);
    if (!given.every(isRole)) {
      const unknown = given.find((each) => !isRole(each));
      throw new StartError(
        `There is no role ${unknown}. The roles are ${roleNames.join(', ')}. A role that was added to src/users/roles/roles.ts exists after npm run build.`,
      );
    }
    const isChange = names.length > 0;
    return describeRoles(name, await (isChange ? roles.replace(id, given) : roles.get(id)));
  });
}

function describeRoles(name: string, roles: readonly Role[]): string {
  return `${name} has ${roles.length === 0 ? 'no role' : `the roles: ${roles.join(', ')}`}.`;
}

async function createDatabase({ database }: AppConfig): Promise<string> {
  if (database.engine !== 'sqlite') {
    throw new StartError(
      'DATABASE_URL names a PostgreSQL server. Create the database there (createdb). The service creates its tables when it starts.',
    );
  }
  if (await createSqliteFile(database.file)) return `Created ${database.file}.`;
  throw new StartError(`The file ${database.file} already exists; nothing was changed.`);
}

/** Applies the same rules as `POST /api/users`, but ignores `REGISTRATION`. */
async function createUser(users: UsersService, config: AppConfig, name: string): Promise<string> {
  const body = validateBody(CreateUser, { name, password: await readNewPassword() }, config);
  const user = await users.register(body, {});
  return `Created the user ${user.name} with the id ${user.id}.`;
}

/**
 * Makes a command that needs users and an existing database.
 *
 * @param name of the user, for messages
 */
function onUsers(name: string, command: UserCommand): Command {
  return async (config) => {
    const database = await openDatabase(config.database);
    const module = {
      module: UserCommandsModule,
      imports: [ConfigModule.forRoot(config), DatabaseModule.forRoot(database)],
    };
    const app = await NestFactory.createApplicationContext(module, {
      logger: false,
      abortOnError: false,
    });
    try {
      const services = { users: app.get(UsersService), roles: app.get(UserRolesService) };
      return await command(services, config);
    } catch (error) {
      throw error instanceof ApiError ? new StartError(messageOf(error, name)) : error;
    } finally {
      await app.close();
    }
  };
}

/** Turns an error of the API into a message for a terminal. */
function messageOf({ kind, body }: ApiError, name: string): string {
  if (kind.code === notFound.code) return `There is no user ${name}.`;
  const { message = body.error } = body;
  if (typeof message === 'string') return message;
  return Object.entries(message)
    .map(([field, messages]) => `${field}: ${messages.join(' ')}`)
    .join('\n');
}

const args = process.argv.slice(2);
const command = commandOf(args);
if (!command) {
  console.error(usage);
  process.exit(2);
}
await runCommand(() => command(AppConfig.load({ needsKey: false })));
