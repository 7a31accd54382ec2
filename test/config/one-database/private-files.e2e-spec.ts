import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import type { LoggerService } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StartError } from '../../../src/errors/start-error.js';
import { loadSqliteDriver } from '../../../src/database/sqlite/sqlite-driver.js';
import { startChild } from '../../support/children.js';
import { ServiceProcess } from '../../support/process.js';
import { bootApp, SECRET } from '../../support/test-app.js';
import { createDatabase, engine, type TestDatabase } from '../../support/test-database.js';

/** The service, as `npm test` builds it. */
const SCRIPT = '.cache/bundle/src/main.js';

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe('On a machine with other users', () => {
  let database: TestDatabase;
  let processes: ServiceProcess[];
  let umask: number;

  beforeEach(async () => {
    // With this umask, others may access each file that the service does not restrict.
    umask = process.umask(0);
    database = await createDatabase();
    processes = [];
  });
  afterEach(async () => {
    process.umask(umask);
    await Promise.all(processes.map((each) => each.kill('SIGKILL')));
    await database.drop();
  });

  const spawn = (env: Record<string, string>, ...words: string[]): ServiceProcess => {
    const [script = 'src/main.js', ...more] = words;
    const service = ServiceProcess.spawn({ ...database.settings, ...env }, script, ...more);
    processes.push(service);
    return service;
  };
  const inFolder = (...names: string[]) => join(database.folder, ...names);
  /** Starts and stops the service, and returns its warnings. */
  const warningsOf = async (env: Record<string, string> = {}): Promise<string[]> => {
    const warnings: string[] = [];
    const ignore = () => undefined;
    const warn = (text: string) => warnings.push(text);
    const logger: LoggerService = { log: ignore, error: ignore, debug: ignore, warn };
    const app = await bootApp(env, { database, logger });
    await app.app.close();
    return warnings;
  };
  const startError = async (env: Record<string, string>): Promise<string> => {
    const error: unknown = await bootApp(env, { database }).then(
      ({ app }) => app.close(),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(StartError);
    return (error as StartError).message;
  };

  if (engine === 'sqlite') {
    it('creates a database, its -wal, its -shm and new folders for the owner only', async () => {
      const file = inFolder('new', 'deeper', 'app.sqlite');
      const service = spawn({ DATABASE_URL: `sqlite:${file}`, JWT_SECRET_KEY: '' });
      const client = await service.client();
      await client.newLogin();
      for (const each of [file, `${file}-wal`, `${file}-shm`]) expect(modeOf(each)).toBe('600');
      for (const each of ['new', 'new/deeper']) expect(modeOf(inFolder(each))).toBe('700');
      expect(modeOf(inFolder('new', 'deeper', 'jwt-secret'))).toBe('600');
      expect(service.output).not.toContain('Others may');
    });

    it('creates a database by a command for the owner only', async () => {
      const file = inFolder('new', 'app.sqlite');
      const env = { DATABASE_URL: `sqlite:${file}`, JWT_SECRET_KEY: SECRET };
      const admin = spawn(env, 'scripts/admin.js', 'grant', 'user');
      await admin.exit();
      expect([modeOf(file), modeOf(inFolder('new'))]).toEqual(['600', '700']);
    });

    it('warns of a database that others may read, and keeps its mode', async () => {
      const file = inFolder('app.sqlite');
      const { Sqlite } = loadSqliteDriver();
      new Sqlite(file).pragma('journal_mode = WAL');
      expect(modeOf(file)).toBe('644');
      expect(await warningsOf()).toContain(
        `Others may read the database; run: chmod 600 ${file} ${file}-wal ${file}-shm`,
      );
      expect(modeOf(file)).toBe('644');
      chmodSync(file, 0o600);
      for (const each of [`${file}-wal`, `${file}-shm`]) if (existsSync(each)) rmSync(each);
      expect(await warningsOf()).toEqual([]);
    });

    it('warns of a folder in which others may replace the database, unless it is sticky', async () => {
      chmodSync(database.folder, 0o777);
      expect(await warningsOf()).toEqual([
        `Others may replace the database; run: chmod go-w ${database.folder}`,
      ]);
      chmodSync(database.folder, 0o1777);
      expect(await warningsOf()).toEqual([]);
    });

    it.each(['620', '602', '666'])(
      'refuses a secret beside the database with the mode %s, because others may write to it',
      async (mode) => {
        const file = inFolder('jwt-secret');
        writeFileSync(file, 'a'.repeat(86), { mode: parseInt(mode, 8) });
        const message = await startError({ JWT_SECRET_KEY: '' });
        expect(message).toContain(`Others may write to ${file}`);
        expect(message).toContain(`chmod 600 ${file}`);
      },
    );

    it('warns of a secret beside the database that others may read', async () => {
      const file = inFolder('jwt-secret');
      writeFileSync(file, 'a'.repeat(86), { mode: 0o644 });
      const expected = [`Others may read ${file}; run: chmod 600 ${file}`];
      expect(await warningsOf({ JWT_SECRET_KEY: '' })).toEqual(expected);
    });
  }

  it('creates a key file and its folder for the owner only, and refuses it if others may write to it', async () => {
    const file = inFolder('keys', 'jwt-keys.json');
    const env = { JWT_KEYS_FILE: file, JWT_SECRET_KEY: SECRET };
    expect(await spawn(env, 'scripts/keys.js', 'add', 'ES256').exit()).toBe(0);
    expect([modeOf(file), modeOf(inFolder('keys'))]).toEqual(['600', '700']);
    chmodSync(file, 0o660);
    const command = spawn(env, 'scripts/keys.js', 'list');
    expect(await command.exit()).toBe(1);
    const service = spawn(env);
    expect(await service.exit()).toBe(1);
    for (const { output } of [command, service]) {
      expect(output).toContain(`Others may write to ${file}`);
      expect(output).toContain(`run: chmod 600 ${file}`);
    }
  });

  it('refuses to start with a private key that others may write to, and starts with one they may read', async () => {
    const file = inFolder('private.pem');
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'prime256v1',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    writeFileSync(file, privateKey, { mode: 0o664 });
    const env = { JWT_ALGORITHM: 'ES256', JWT_PRIVATE_KEY: file };
    const service = spawn(env);
    expect(await service.exit()).toBe(1);
    expect(service.output).toContain(`JWT_PRIVATE_KEY: Others may write to ${file}`);
    expect(service.output).toContain(`run: chmod 600 ${file}`);
    chmodSync(file, 0o644);
    await spawn(env).client();
  });

  it('refuses a secret that others may replace because of the mode of its folder or its owner', async () => {
    const folder = inFolder('open');
    mkdirSync(folder, { mode: 0o777 });
    const file = join(folder, 'jwt-keys.json');
    const env = { JWT_KEYS_FILE: file, JWT_SECRET_KEY: SECRET };
    expect(await spawn(env, 'scripts/keys.js', 'add', 'ES256').exit()).toBe(0);
    expect(await startError(env)).toContain(`Others may replace ${file}`);
    chmodSync(folder, 0o1777);
    await warningsOf(env);
    // Only an administrator can give a file away.
    if (process.getuid?.() !== 0) return;
    chownSync(file, 65_534, 65_534);
    expect(await startError(env)).toContain(`run: chown 0 ${file}`);
  });

  it.each([
    ['refuses to start in production with', 'production', 1],
    ['warns in development of', 'development', null],
  ])('%s an .env file that others may write to', async (_, environment, code) => {
    const file = inFolder('.env');
    writeFileSync(file, `JWT_SECRET_KEY=${SECRET}\nNODE_ENV=${environment}\n`, { mode: 0o666 });
    const { PATH } = process.env;
    const child = startChild(process.execPath, [join(process.cwd(), SCRIPT)], {
      cwd: database.folder,
      env: { ...database.settings, PATH, PORT: '0', HOST: '127.0.0.1' },
    });
    let output = '';
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (chunk) => (output += String(chunk)));
    }
    child.stdout!.on('data', () => output.includes('The API is at') && child.kill('SIGKILL'));
    const [exit] = (await once(child, 'close')) as [number | null];
    expect(output).toContain(`Others may write to ${file}, and so change every setting`);
    expect(output).toContain(`chmod 600 ${file}`);
    expect(exit).toBe(code);
  });
});
