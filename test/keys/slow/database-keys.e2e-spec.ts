import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { StartError } from '../../../src/errors/start-error.js';
import { importKeys, resealKeys } from '../../../src/keys/database-key-commands.js';
import { KeyFile } from '../../../src/keys/key-file.js';
import { KeyPollingService } from '../../../src/keys/key-polling.service.js';
import { StoredTokenKeys } from '../../../src/keys/stored-token-keys.entity.js';
import { TokenKeys } from '../../../src/keys/token-keys.js';
import type { Client } from '../../support/client.js';
import {
  type KeyConnection,
  KEYS_SECRET,
  keysInDatabase,
  openKeys,
} from '../../support/database-keys.js';
import { keyCommands } from '../../support/key-commands.js';
import { ServiceProcess } from '../../support/process.js';
import { bootApp, SECRET, type TestApp } from '../../support/test-app.js';
import { createDatabase, engine, type TestDatabase } from '../../support/test-database.js';

const testUser = { name: 'user', password: 'password' };
const kidOf = (token: string) => jsonwebtoken.decode(token, { complete: true })!.header.kid!;

describe('Keys in the database', () => {
  let database: TestDatabase;
  let running: (() => Promise<unknown>)[];
  let keys: KeyConnection;
  let errors: jest.SpiedFunction<Logger['error']>;

  beforeEach(async () => {
    database = await createDatabase();
    running = [];
    errors = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    keys = await connect();
  });
  afterEach(async () => {
    await Promise.all(running.map((stop) => stop()));
    await database.drop();
    jest.restoreAllMocks();
  });

  const connect = async (env: Record<string, string> = {}) => {
    const connection = await openKeys(database, { JWT_SECRET_KEY: SECRET, ...env });
    running.push(() => connection.close());
    return connection;
  };
  const settings = { ...keysInDatabase, JWT_SECRET_KEY: SECRET };

  interface StartOptions {
    /** Whether the instance checks for changed keys in the background, as by default. */
    polls?: boolean;
  }

  /** Starts another instance on the database. */
  const start = async (
    env: Record<string, string> = {},
    { polls = true }: StartOptions = {},
  ): Promise<TestApp> => {
    const kept = { ...database, drop: async () => undefined };
    const app = await bootApp(
      { ...settings, ...env },
      {
        database: kept,
        prepare: async (app) => {
          if (!polls) await app.get(KeyPollingService).onApplicationShutdown();
        },
      },
    );
    running.push(() => app.close());
    return app;
  };
  const me = async (client: Client, token: string) => {
    const { status, body } = await client.get('/auth/me', { token });
    return body.code ?? status;
  };
  const publicIds = async (client: Client): Promise<string[]> => {
    const { body } = await client.get<{ keys: { kid: string }[] }>('/.well-known/jwks.json');
    return body.keys.map(({ kid }) => kid);
  };
  const ringOf = ({ app }: TestApp) => app.get(TokenKeys).ring;
  const until = async (holds: () => boolean, timeout = 5000): Promise<void> => {
    for (const end = Date.now() + timeout; !holds(); await sleep(5)) {
      if (Date.now() > end) throw new Error(`The condition did not hold within ${timeout} ms.`);
    }
  };
  /** Waits up to a second until a key signs at all instances. */
  const untilSigns = (kid: string, ...apps: TestApp[]) =>
    until(() => apps.every((app) => ringOf(app).signing.id === kid), 1000);
  const writeRow = (values: Partial<StoredTokenKeys>) =>
    keys.database.write((manager) => manager.update(StoredTokenKeys, { id: 1 }, values));
  const readRow = () =>
    keys.database.write((manager) => manager.findOneByOrFail(StoredTokenKeys, { id: 1 }));

  it('makes a new key sign at every instance within a second, and keeps all sessions', async () => {
    const [one, other] = [await start(), await start()];
    const before = await one.login(testUser);
    const kid = await keys.add('ES256');
    await until(() => [one, other].every((app) => ringOf(app).publicKeys.length === 1), 1000);
    expect([await publicIds(one), await publicIds(other)]).toEqual([[kid], [kid]]);
    expect(kidOf((await other.login(testUser)).access)).toBe(kidOf(before.access));
    await keys.use(kid);
    await untilSigns(kid, one, other);
    for (const app of [one, other, await start()]) {
      const { access } = await app.login(testUser);
      expect(kidOf(access)).toBe(kid);
      expect(await me(app, before.access)).toBe(200);
      expect(await me(one, access)).toBe(200);
    }
    const refreshed = await other.send('POST', '/auth/refresh', { token: before.refresh });
    expect(kidOf(String(refreshed.body.access_token))).toBe(kid);
  });

  it('accepts the token of a key that another instance has just loaded, at once', async () => {
    const [one, other] = [await start({}, { polls: false }), await start()];
    for (const algorithm of ['ES256', 'HS512'] as const) {
      const kid = await keys.add(algorithm);
      await keys.use(kid);
      await untilSigns(kid, other);
      expect(ringOf(one).signing.id).not.toBe(kid);
      const { access } = await other.login(testUser);
      const flood = Array.from({ length: 20 }, () => me(one, access));
      expect(new Set(await Promise.all(flood))).toEqual(new Set([200]));
      expect(ringOf(one).signing.id).toBe(kid);
    }
  });

  it('answers a repeated refresh whose successor was sealed with a key it does not know yet', async () => {
    const [one, other] = [await start({}, { polls: false }), await start()];
    const { refresh } = await one.login(testUser);
    const kid = await keys.add('HS256');
    await keys.use(kid);
    await untilSigns(kid, other);
    const first = await other.send('POST', '/auth/refresh', { token: refresh });
    const again = await one.send('POST', '/auth/refresh', { token: refresh });
    expect([again.status, again.body.refresh_token]).toEqual([200, first.body.refresh_token]);
  });

  it('refuses the tokens of a retired key at every instance within a second', async () => {
    const [one, other] = [await start(), await start()];
    const before = await one.login(testUser);
    const own = kidOf(before.access);
    const kid = await keys.add('ES256');
    await keys.use(kid);
    await untilSigns(kid, one, other);
    expect(await keys.retire(own)).toContain('its tokens are refused from now on');
    await until(() => [one, other].every((app) => !ringOf(app).find(own)), 1000);
    for (const app of [one, other, await start()]) {
      expect(await me(app, before.access)).toBe('token_invalid');
      const { status } = await app.send('POST', '/auth/refresh', { token: before.refresh });
      expect(status).toBe(401);
    }
  });

  it('asks the database for unknown keys ten times a second at most', async () => {
    const one = await start({}, { polls: false });
    const token = jsonwebtoken.sign({ type: 'access' }, SECRET, { keyid: 'unknown' });
    const asked = jest.spyOn(Object.getPrototypeOf(keys.table) as typeof keys.table, 'revision');
    const startedAt = performance.now();
    for (let round = 0; round < 3; round++) {
      const codes = await Promise.all(Array.from({ length: 50 }, () => me(one, token)));
      expect(new Set(codes)).toEqual(new Set(['token_invalid']));
    }
    const tenths = Math.ceil((performance.now() - startedAt) / 100);
    expect(asked.mock.calls.length).toBeLessThanOrEqual(tenths + 1);
  });

  it('refuses to start with another secret, or with a row that was changed', async () => {
    const kid = await keys.add('ES256');
    await keys.use(kid);
    const row = await readRow();
    const opens = /^The keys in the database cannot be opened: JWT_KEYS_SECRET is not the secret/;
    const another = { JWT_KEYS_SECRET: 'another secret, which has not sealed any of these keys' };
    await expect(start(another)).rejects.toThrow(opens);
    const middle = Math.floor(row.sealed.length / 2);
    const flipped = row.sealed[middle] === 'A' ? 'B' : 'A';
    for (const change of [
      { sealed: '' },
      { sealed: row.sealed.slice(0, middle) + flipped + row.sealed.slice(middle + 1) },
      { revision: row.revision + 1 },
    ]) {
      await writeRow({ ...row, ...change });
      await expect(start()).rejects.toThrow(opens);
    }
    await writeRow(row);
    expect(kidOf((await (await start()).login(testUser)).access)).toBe(kid);
  });

  it('keeps the loaded keys, and logs one error, while the row is damaged or an earlier one', async () => {
    const first = await keys.add('ES256');
    await keys.use(first);
    const earlier = await readRow();
    const second = await keys.add('ES256');
    await keys.use(second);
    const own = (await keys.list()).split(' ')[0]!;
    await keys.retire(own);
    await keys.retire(first);
    const row = await readRow();
    const app = await start();
    const { access } = await app.login(testUser);
    expect(ringOf(app).signing.id).toBe(second);

    for (const [change, problem] of [
      [earlier, /have revision 2, but revision 6 is loaded; restart the service if a backup was/],
      [{ ...row, revision: 7 }, /^The keys were not reloaded: .* cannot be opened/],
      [{ ...row, sealed: '', revision: 0 }, /have revision 0, but revision 6 is loaded/],
    ] as const) {
      errors.mockClear();
      await writeRow(change);
      await until(() => errors.mock.calls.length > 0);
      // A token of an unknown key makes it load the row again.
      const unknown = jsonwebtoken.sign({ type: 'access' }, SECRET, { keyid: first });
      for (let i = 0; i < 3; i++) expect(await me(app, unknown)).toBe('token_invalid');
      expect(await me(app, access)).toBe(200);
      expect(ringOf(app).find(first)).toBeUndefined();
      expect(errors.mock.calls).toEqual([[expect.stringMatching(problem)]]);
    }
    await writeRow(row);
    const third = await keys.add('HS256');
    await keys.use(third);
    await untilSigns(third, app);
  });

  it('loses no key of concurrent commands, also if they are the first', async () => {
    const connections = await Promise.all([1, 2, 3, 4].map(() => connect()));
    const added = await Promise.all(
      connections.flatMap(({ add }) => [add('HS256'), add('ES256'), add('HS512')]),
    );
    const stored = (await keys.table.read())!.keys.map(({ kid }) => kid);
    expect(stored.sort()).toEqual(added.sort());
    expect(await keys.table.revision()).toBe(12);
  });

  it('begins in production without a configured key', async () => {
    const env = { ...database.settings, ...keysInDatabase, NODE_ENV: 'production' };
    const command = async (...words: string[]) => {
      const child = ServiceProcess.spawn(env, 'scripts/keys.js', ...words);
      return [await child.exit(), child.output.trim()] as const;
    };
    const production = { NODE_ENV: 'production', JWT_SECRET_KEY: '' };
    await expect(start(production)).rejects.toThrow(
      'There is no signing key; create one with: npm run keys -- add, and choose it with: npm run keys -- use <kid>, or set JWT_SECRET_KEY or JWT_PRIVATE_KEY.',
    );
    const [status, output] = await command('add', 'ES256');
    const kid = output.split(' ')[0]!;
    expect([status, output]).toEqual([0, expect.stringContaining('verifies from now on')]);
    await expect(start(production)).rejects.toThrow(/^There is no signing key; choose one with: /);
    expect((await command('use', kid))[0]).toBe(0);
    const app = await start(production);
    expect(kidOf((await app.login(testUser)).access)).toBe(kid);
    expect(await publicIds(app)).toEqual([kid]);
    const [, listed] = await command('list');
    expect(listed).toMatch(new RegExp(`^${kid} {2}ES256 {2}signs \\(database, .+Z\\)$`));
    expect(await command('retire', kid)).toEqual([
      1,
      `The key ${kid} signs; choose another signing key first.`,
    ]);
    expect((await command('reseal'))[1]).toMatch(/^The keys are sealed with JWT_KEYS_SECRET\./);
    expect((await command('import'))[0]).toBe(2);
  }, 60_000);

  it('takes over a key file without ending a login', async () => {
    const file = database.settings.JWT_KEYS_FILE;
    const before = await start({ JWT_KEYS: 'file', JWT_KEYS_SECRET: '', JWT_KEYS_FILE: file });
    const inFile = keyCommands(before.config.jwt);
    const logins = [await before.login(testUser)];
    const kid = await inFile.add('ES256');
    await inFile.use(kid);
    await sleep(100);
    logins.push(await before.login(testUser));
    expect(kidOf(logins[1]!.access)).toBe(kid);

    const imported = `The database has the keys of ${file}. Delete the file when all instances run with JWT_KEYS=database.`;
    expect(await importKeys(keys.table, file)).toBe(imported);
    expect(await keys.table.read()).toEqual(new KeyFile(file).read());
    const after = await start();
    expect(ringOf(after).signing.id).toBe(kid);
    for (const { access, refresh } of logins) {
      expect(await me(after, access)).toBe(200);
      expect((await after.send('POST', '/auth/refresh', { token: refresh })).status).toBe(200);
    }
    // Instances of both kinds accept each other's tokens.
    expect(await me(before, (await after.login(testUser)).access)).toBe(200);

    expect(await importKeys(keys.table, file)).toBe(imported);
    await inFile.add('HS256');
    await expect(importKeys(keys.table, file)).rejects.toThrow(
      new StartError('The database has other keys already; nothing was changed.'),
    );
  });

  it('changes the secret that seals the keys while instances run', async () => {
    const kid = await keys.add('ES256');
    await keys.use(kid);
    const old = await start();
    const renewed = {
      JWT_KEYS_SECRET: 'the next secret of the tests, which seals the keys from now on',
      JWT_KEYS_PREVIOUS_SECRET: KEYS_SECRET,
    };
    const both = await start(renewed);
    expect(ringOf(both).signing.id).toBe(kid);
    const { JWT_KEYS_PREVIOUS_SECRET: _, ...onlyNew } = renewed;
    await expect(start(onlyNew)).rejects.toThrow(StartError);
    expect(await resealKeys((await connect(renewed)).table)).toBe(
      'The keys are sealed with JWT_KEYS_SECRET. Remove JWT_KEYS_PREVIOUS_SECRET from the settings of all instances.',
    );
    await until(() => errors.mock.calls.length > 0);
    const restarted = await start(onlyNew);
    for (const app of [old, both, restarted]) {
      const { access } = await app.login(testUser);
      expect(kidOf(access)).toBe(kid);
      expect(await me(restarted, access)).toBe(200);
    }
    await expect(start()).rejects.toThrow(StartError);
  });

  it('stores no key in plain text', async () => {
    const app = await start();
    await keys.use(await keys.add('ES256'));
    await keys.add('HS512');
    await keys.add('RS256');
    await app.login(testUser);
    const stored = (await keys.table.read())!.keys;
    const secrets = stored.flatMap(({ k, d, p }) => [k, d, p]).filter((text) => text !== undefined);
    expect(secrets).toHaveLength(4);
    const contents = await everythingIn(keys, database);
    // SQLite spreads a long text over several pages.
    expect(contents.includes((await readRow()).sealed.slice(0, 40))).toBe(true);
    for (const secret of [...secrets, KEYS_SECRET]) {
      const bytes = Buffer.from(secret, 'base64url');
      for (const form of [secret, bytes.toString('hex'), bytes.toString('base64')]) {
        expect(contents.includes(form)).toBe(false);
      }
      expect(contents.includes(bytes.toString('latin1'))).toBe(false);
    }
  });
});

/** Returns the bytes of all files of SQLite, or all values of all tables of PostgreSQL. */
async function everythingIn({ database }: KeyConnection, { folder }: TestDatabase) {
  if (engine === 'sqlite') {
    const files = readdirSync(folder).filter((name) => name.startsWith('app.sqlite'));
    expect(files.length).toBeGreaterThanOrEqual(2);
    return files.map((name) => readFileSync(join(folder, name), 'latin1')).join('\n');
  }
  return database.write(async (manager) => {
    const tables: { name: string }[] = await manager.query(
      'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()',
    );
    const rows = tables.map(({ name }) =>
      manager.query<object[]>(`SELECT t::text FROM "${name}" t`),
    );
    return JSON.stringify(await Promise.all(rows));
  });
}
