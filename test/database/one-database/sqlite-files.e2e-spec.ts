import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { LoggerService } from '@nestjs/common';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { StartError } from '../../../src/errors/start-error.js';
import { MigrationSource } from '../../../src/database/migration-source.js';
import { createSqliteFile, publish } from '../../../src/database/sqlite/sqlite-creation.js';
import { loadSqliteDriver } from '../../../src/database/sqlite/sqlite-driver.js';
import { runChild } from '../../support/children.js';
import { crate } from '../../support/fixture/crates.js';
import { bootFixtureApp } from '../../support/fixture-app.js';
import { bootApp, SECRET, type TestApp } from '../../support/test-app.js';
import { createDatabase, type TestDatabase } from '../../support/test-database.js';

const production = { NODE_ENV: 'production', DATABASE_CREATE: '' };

let database: TestDatabase;
const fileOf = ({ folder }: TestDatabase): string => join(folder, 'app.sqlite');

/** The message with which the service refuses to start. */
async function refusal(env: Record<string, string> = {}): Promise<string> {
  const error: unknown = await bootApp(env, { database }).then(
    ({ app }) => app.close(),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StartError);
  return (error as StartError).message;
}

const startAndStop = async (env: Record<string, string>): Promise<void> => {
  const app = await bootApp(env, { database });
  await app.app.close();
};

describe('The start on a SQLite file', () => {
  let file: string;

  beforeEach(async () => {
    database = await createDatabase();
    file = fileOf(database);
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await database.drop();
  });

  it.each([
    ['in production', production],
    ['with DATABASE_CREATE=false', { DATABASE_CREATE: 'false' }],
  ])('refuses to start without a database file %s, and names both remedies', async (_, env) => {
    expect(await refusal(env)).toMatch(
      /^The database file .+app\.sqlite does not exist\. .+volume is mounted.+ npm run admin -- create-database \(or set DATABASE_CREATE=true\)/,
    );
    expect(readdirSync(database.folder)).toEqual([]);
  });

  it('creates a missing database file in production with DATABASE_CREATE=true', async () => {
    await startAndStop({ ...production, DATABASE_CREATE: 'true' });
  });

  it.each([production, { DATABASE_CREATE: 'true' }])(
    'refuses to start on an empty database file with %j',
    async (env) => {
      writeFileSync(file, '');
      expect(await refusal(env)).toMatch(
        /^The database file .+app\.sqlite is empty \(0 bytes\)\. .+backup.+create-database$/,
      );
      expect(statSync(file).size).toBe(0);
    },
  );

  it('refuses to create a database file beside the log of an earlier one', async () => {
    writeFileSync(`${file}-wal`, 'changes');
    expect(await refusal()).toContain(`does not exist, but ${file}-wal does`);
    expect(existsSync(file)).toBe(false);
  });

  it.each([
    ['file', () => file, 0o444],
    ['-wal', () => `${file}-wal`, 0o400],
    ['folder', () => database.folder, 0o555],
  ])(
    'refuses to start if the %s of the database is not writable, also as root',
    async (_, path, mode) => {
      await createSqliteFile(file);
      if (!existsSync(path())) writeFileSync(path(), '');
      chmodSync(path(), mode);
      const message = await refusal();
      chmodSync(path(), 0o700);
      expect(message).toBe(
        `The database cannot be written: the mode of ${path()} is 0${mode.toString(8)}. Run: chmod u+w ${path()}`,
      );
    },
  );

  it('leaves no file if the first migrations fail', async () => {
    jest.spyOn(MigrationSource.prototype, 'runMigrations').mockRejectedValue(new Error('broken'));
    expect(await refusal()).toContain('broken');
    expect(readdirSync(database.folder)).toEqual([]);
  });

  it('creates one complete database file if several processes create it at once', async () => {
    const made = await Promise.all([1, 2, 3].map(() => createSqliteFile(file)));
    expect(made.toSorted()).toEqual([false, false, true]);
    expect(readdirSync(database.folder)).toEqual(['app.sqlite']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await startAndStop(production);
  });

  it('creates the database file on a file system without hard links, and replaces no existing file', () => {
    const link = () => {
      throw Object.assign(new Error('no links'), { code: 'EPERM' });
    };
    for (const [content, isMade] of [
      ['first', true],
      ['second', false],
    ] as const) {
      const draft = join(database.folder, content);
      writeFileSync(draft, content);
      expect(publish(draft, file, link)).toBe(isMade);
    }
    expect(readFileSync(file, 'utf8')).toBe('first');
  });

  it('removes the draft file of an interrupted start, and no other file', async () => {
    const names = ['app.sqlite.new-0123456789ab', 'app.sqlite.new-ba9876543210', 'app.sqlite.new-'];
    for (const name of names) writeFileSync(join(database.folder, name), '');
    const anHourAgo = Date.now() / 1000 - 3600;
    for (const name of [names[0]!, names[2]!]) {
      utimesSync(join(database.folder, name), anHourAgo, anHourAgo);
    }
    await createSqliteFile(file);
    expect(readdirSync(database.folder).sort()).toEqual(['app.sqlite', names[2], names[1]].sort());
  });
});

describe('The commands on a SQLite file', () => {
  const scripts = join(process.cwd(), '.cache', 'build', 'scripts');
  const script = join(scripts, 'admin.js');
  const settings = () => ({
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    DATABASE_URL: database.url,
  });
  const run = async (words: string[], env: Record<string, string> = {}) => {
    const { status, output } = await runChild(process.execPath, words, {
      env: { ...settings(), ...env },
    });
    return { status, output };
  };

  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  it('creates the database file by create-database once, for its owner only, for production', async () => {
    const file = fileOf(database);
    const migrate = [join(scripts, 'migration.js'), 'run'];
    const [grant, migration] = await Promise.all([run([script, 'grant', 'user']), run(migrate)]);
    for (const { status, output } of [grant, migration]) {
      expect([status, output]).toEqual([1, expect.stringContaining('create-database')]);
    }
    expect(existsSync(file)).toBe(false);

    const made = await run([script, 'create-database']);
    expect(made).toEqual({ status: 0, output: `Created ${file}.\n` });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const [again, onServer] = await Promise.all([
      run([script, 'create-database']),
      run([script, 'create-database'], { DATABASE_URL: 'postgres://127.0.0.1:1/none' }),
    ]);
    expect(again.output).toBe(`The file ${file} already exists; nothing was changed.\n`);
    expect(onServer.output).toMatch(/^DATABASE_URL names a PostgreSQL server\. .+\n$/);
    expect([again.status, onServer.status]).toEqual([1, 1]);
    const app = await bootApp({ ...production, FLASK_COMPAT: 'true' }, { database, users: false });
    expect((await app.get('/api/users')).body).toEqual([]);
    await app.app.close();
  }, 60_000);
});

describe('The SQLite file of a running service', () => {
  let app: TestApp;
  let file: string;
  let token: string;
  let logged: string[];

  /** The three files of an open database. */
  const names = () => [file, `${file}-wal`, `${file}-shm`];
  const moveTo = (folder: string, back = false): void => {
    mkdirSync(join(database.folder, folder), { recursive: true });
    for (const name of names()) {
      const other = join(database.folder, folder, name.slice(database.folder.length));
      renameSync(back ? other : name, back ? name : other);
    }
  };
  const post = () => app.send('POST', '/api/crates', { token, json: crate });

  beforeEach(async () => {
    database = await createDatabase();
    file = fileOf(database);
    logged = [];
    const note = (message: unknown) => void logged.push(String(message));
    const ignore = () => undefined;
    const logger: LoggerService = { log: note, error: note, warn: ignore, debug: ignore };
    app = await bootFixtureApp({ JWT_SECRET_KEY: SECRET }, { database, logger });
    token = (await app.login({ name: 'user', password: 'password' })).access;
  });
  afterEach(() => app.close());

  it('answers 503 and is not ready while the database file is moved, and recovers when it is back', async () => {
    moveTo('elsewhere');
    const { status, headers, body } = await post();
    expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    expect(body).toMatchObject({ statusCode: 503, code: 'service_unavailable' });

    const json = { username: 'user', password: 'password' };
    const answers = await Promise.all([
      app.get('/api/crates?limit=3'),
      app.get('/api/crates?tags=fragile'),
      app.get('/api/users/1'),
      app.get('/auth/me', { token }),
      app.get('/api/scrolls', { token }),
      app.send('POST', '/auth/login', { json }),
      app.send('POST', '/api/users', { json: { name: 'Wedge', password: 'Rogue Two' } }),
      app.send('DELETE', '/auth/logout', { token }),
      app.get('/health/ready'),
    ]);
    for (const answer of answers) {
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    }
    expect((await app.get('/health/live')).status).toBe(200);

    moveTo('elsewhere', true);
    expect((await post()).body.id).toBe(16);
    expect((await app.get('/auth/me', { token })).status).toBe(200);
    expect(logged.filter((line) => line.includes('database file'))).toEqual([
      expect.stringMatching(
        /^The database file app\.sqlite is gone: .+ gets 503\. Restore the same file/,
      ),
      'The database files are available again.',
    ]);
  });

  it.each([
    ['deleted', () => names().forEach((name) => rmSync(name))],
    ['left without its -wal', () => rmSync(`${file}-wal`)],
    [
      'replaced by a copy',
      () => {
        copyFileSync(file, `${file}.copy`);
        renameSync(`${file}.copy`, file);
      },
    ],
  ])('acknowledges no write after the database file is %s', async (_, change) => {
    change();
    expect((await post()).status).toBe(503);
    expect((await app.get('/api/crates/1')).status).toBe(503);
  });

  it('answers 503 after the database file is emptied', async () => {
    truncateSync(file);
    expect((await post()).status).toBeGreaterThanOrEqual(500);
    expect((await app.get('/health/ready')).status).toBe(503);
    expect((await app.get('/api/crates/1')).status).toBe(503);
  });

  it('notices a deleted database file within seconds, without a write', async () => {
    rmSync(file);
    const begun = performance.now();
    while ((await app.get('/api/crates/1')).status === 200) {
      expect(performance.now() - begun).toBeLessThan(15_000);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect((await app.get('/api/crates/1')).status).toBe(503);
  });

  it('serves a restored backup only after a restart', async () => {
    const backup = `${file}.backup`;
    const connection = new (loadSqliteDriver().Sqlite)(file);
    connection.exec(`VACUUM INTO '${backup}'`);
    connection.close();
    expect((await post()).body.id).toBe(16);
    for (const name of names()) rmSync(name);
    renameSync(backup, file);
    expect((await post()).status).toBe(503);
    app = await app.restart();
    expect((await app.get<unknown[]>('/api/crates')).body).toHaveLength(15);
  });
});
