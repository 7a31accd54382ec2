import { existsSync } from 'node:fs';
import type { AppConfig } from '../../../src/config/app-config.js';
import { messageOf } from '../../../src/errors/error-message.js';
import { StartError } from '../../../src/errors/start-error.js';
import { describeDatabase } from '../../../src/start-lines.js';
import type { AdminCommand } from '../admin-command.js';
import { columns, type Output } from '../output.js';
import { checkClock, checkDisk, checkMigrations, checkSizes, tablesOf } from './database-checks.js';
import { type Finding, findings } from './finding.js';
import { inspect } from './inspected-database.js';
import { checkRedis } from './redis-check.js';
import { checkReplica } from './replica-check.js';
import { checkDatabaseKeys, checkKeys } from './key-checks.js';
import { checkPermissions, checkProxy, checkSettings } from './settings-checks.js';

export function addDoctorCommand(program: AdminCommand): void {
  program
    .command('doctor')
    .description('checks the settings, keys, files and database, and says what to do')
    .runs(doctor, { readsSettings: true });
}

/** Runs all checks. They change nothing. The exit code is 1 if there is a problem. */
async function doctor(): Promise<Output> {
  const found = await runChecks();
  const hasFailed = found.some(({ status }) => status === 'problem');
  const lines = columns(found.map(({ check, status, message }) => [status, check, message]));
  return { text: lines.join('\n'), json: found, hasFailed };
}

async function runChecks(): Promise<Finding[]> {
  const { config, found } = checkSettings();
  if (!config) return found;
  return [
    ...found,
    ...checkKeys(config),
    ...checkPermissions(config),
    ...checkProxy(config),
    ...(await checkRedis(config)),
    ...(await checkReplica(config)),
    ...(await checkDatabase(config)),
  ];
}

async function checkDatabase(config: AppConfig): Promise<Finding[]> {
  const { ok, problem } = findings('database');
  const { database: settings } = config;
  if (settings.engine === 'sqlite' && settings.create && !existsSync(settings.file)) {
    return [
      ok(`The file ${settings.file} does not exist. The next start creates it.`),
      ...(await checkDatabaseKeys(config, null)),
    ];
  }
  try {
    const database = await inspect(config.database);
    try {
      const tables = await tablesOf(config, database);
      return [
        ok(`The database is ${describeDatabase(config.database)}, and answers.`),
        ...(await checkMigrations(database, tables)),
        ...(await checkDatabaseKeys(config, database, tables)),
        ...(await checkClock(config, database, tables)),
        ...checkDisk(config),
        ...(await checkSizes(config, database, tables)),
      ];
    } finally {
      await database.close();
    }
  } catch (error) {
    return [problem(adviceFor(config, error))];
  }
}

function adviceFor({ database }: AppConfig, error: unknown): string {
  return error instanceof StartError
    ? error.message
    : `The database, ${describeDatabase(database)}, cannot be read: ${messageOf(error)}.`;
}
