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
import { PasswordRulesService } from '../src/users/password-rules.service.js';
import { UserRemovalsService } from '../src/users/user-removals.service.js';
import { UserRepository } from '../src/users/user.repository.js';
import { UsersService } from '../src/users/users.service.js';
import { readNewPassword } from './read-password.js';
import { runCommand } from './run-command.js';

const usage = `Usage: npm run admin -- grant <name> | revoke <name> | user create <name> | create-database
  grant            makes the user an administrator from the next login on
  revoke           takes the administrator role away from the user
  user create      adds a user; asks for the password, or reads it from standard input
  create-database  creates the SQLite file that DATABASE_URL names, with empty tables`;

/**
 * The providers that change users. They neither issue nor verify tokens, so that no key is needed.
 */
@Module({
  providers: [
    UsersService,
    UserRepository,
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
type UserCommand = (users: UsersService, config: AppConfig) => Promise<string>;

/**
 * @returns the command for the arguments, or null if they are invalid. A command resolves with a
 * sentence for the operator.
 */
function commandOf(args: readonly string[]): Command | null {
  const [first, second, third] = args;
  if (first === 'create-database' && args.length === 1) return createDatabase;
  if (first === 'user' && second === 'create' && third !== undefined && args.length === 3) {
    return onUsers((users, config) => createUser(users, config, third));
  }
  if ((first !== 'grant' && first !== 'revoke') || second === undefined || args.length > 2) {
    return null;
  }
  return onUsers((users) => setAdmin(users, second, first === 'grant'));
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

async function setAdmin(users: UsersService, name: string, admin: boolean): Promise<string> {
  await users.setAdmin(name, admin);
  const status = admin ? 'an administrator from the next login on' : 'no longer an administrator';
  return `${name} is ${status}. All sessions of this user have ended.`;
}

/** Applies the same rules as `POST /api/users`, but ignores `REGISTRATION`. */
async function createUser(users: UsersService, config: AppConfig, name: string): Promise<string> {
  const body = validateBody(CreateUser, { name, password: await readNewPassword() }, config);
  const user = await users.register(body, {});
  return `Created the user ${user.name} with the id ${user.id}.`;
}

/** Makes a command that needs users and an existing database. */
function onUsers(command: UserCommand): Command {
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
      return await command(app.get(UsersService), config);
    } catch (error) {
      throw error instanceof ApiError ? new StartError(messageOf(error, args.at(-1)!)) : error;
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
