import { createPublicKey, type JsonWebKey } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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
import { ConsoleLogger, type LoggerService } from '@nestjs/common';
import jsonwebtoken from 'jsonwebtoken';
import { StartError } from '../../../src/errors/start-error.js';
import { AppConfig } from '../../../src/config/app-config.js';
import { JWT_ALGORITHMS, type JwtAlgorithm } from '../../../src/config/jwt-algorithms.js';
import { KeyFile } from '../../../src/keys/key-file.js';
import { runChild } from '../../support/children.js';
import type { Client, TestUser } from '../../support/client.js';
import { keyCommands } from '../../support/key-commands.js';
import { keyPairFor, pemOf, settingsFor } from '../../support/key-material.js';
import { freezeTime } from '../../support/time.js';
import { ServiceProcess } from '../../support/process.js';
import { bootApp, SECRET, type TestApp } from '../../support/test-app.js';
import { createDatabase, type TestDatabase } from '../../support/test-database.js';

type Jwk = JsonWebKey & { kid: string };

/** A logger that records its messages and prints nothing. */
function quietLogger() {
  const logger = new ConsoleLogger();
  const [errors, warnings] = (['error', 'warn', 'log', 'debug'] as const).map((level) =>
    jest.spyOn(logger, level).mockReturnValue(),
  );
  return { logger, errors: errors!, warnings: warnings! };
}

const testUser = { name: 'user', password: 'password' };
const headerOf = (token: string) => jsonwebtoken.decode(token, { complete: true })!.header;
const kidOf = (token: string) => headerOf(token).kid!;

describe.each(JWT_ALGORITHMS)('Keys for %s', (algorithm: JwtAlgorithm) => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp(settingsFor(algorithm));
  });
  afterAll(() => app.close());

  it('issues tokens that name their key, and accepts them', async () => {
    const { access, refresh } = await app.newLogin();
    const header = { alg: algorithm, kid: kidOf(access) };
    expect(headerOf(access)).toEqual({ ...header, typ: 'at+jwt' });
    expect(headerOf(refresh)).toEqual({ ...header, typ: 'rt+jwt' });
    const { body } = await app.send('POST', '/auth/refresh', { token: refresh });
    const me = await app.get('/auth/me', { token: String(body.access_token) });
    expect(me.status).toBe(200);
    const again = await app.restart();
    expect((await again.get('/auth/me', { token: access })).status).toBe(200);
    app = again;
  });

  it('publishes public keys that verify the tokens, and that clients may cache', async () => {
    const { access } = await app.newLogin();
    const { status, headers, body } = await app.get<{ keys: Jwk[] }>('/.well-known/jwks.json');
    expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=300']);
    if (algorithm.startsWith('HS')) return expect(body).toEqual({ keys: [] });
    const [jwk] = body.keys;
    expect(jwk).toMatchObject({ use: 'sig', alg: algorithm, kid: kidOf(access) });
    for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'])
      expect(jwk).not.toHaveProperty(secret);
    const key = createPublicKey({ key: jwk!, format: 'jwk' });
    expect(key.equals(keyPairFor(algorithm).publicKey)).toBe(true);
    jsonwebtoken.verify(access, key, { algorithms: [algorithm] });
  });
});

describe('Keys', () => {
  let database: TestDatabase;
  let file: string;
  let running: (() => Promise<unknown>)[];

  beforeAll(async () => {
    database = await createDatabase();
    file = database.settings.JWT_KEYS_FILE;
  });
  beforeEach(() => {
    running = [];
  });
  afterEach(async () => {
    await Promise.all(running.map((stop) => stop()));
    rmSync(file, { force: true });
    rmSync(`${file}.new`, { force: true });
  });
  afterAll(() => database.drop());

  const settings = (env: Record<string, string> = {}) => ({
    ...database.settings,
    JWT_SECRET_KEY: SECRET,
    ...env,
  });
  /** Starts another instance on the same database and the same key file. */
  const start = async (env: Record<string, string> = {}, logger: LoggerService | false = false) => {
    const kept = { ...database, drop: async () => undefined };
    const app = await bootApp(settings(env), { database: kept, logger });
    running.push(() => app.close());
    return app;
  };
  const jwt = () => AppConfig.from(settings()).jwt;
  const add = (algorithm: JwtAlgorithm) => keyCommands(jwt()).add(algorithm);
  const use = (kid: string) => keyCommands(jwt()).use(kid);
  const retire = (kid: string) => keyCommands(jwt()).retire(kid);
  const list = () => keyCommands(jwt()).list();
  const me = async (client: Client, token: string) => {
    const { status, body } = await client.get('/auth/me', { token });
    return body.code ?? status;
  };
  const publicIds = async (client: Client): Promise<string[]> => {
    const { body } = await client.get<{ keys: Jwk[] }>('/.well-known/jwks.json');
    return body.keys.map(({ kid }) => kid);
  };
  /** Waits up to 5 seconds until the condition holds. */
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    for (const end = Date.now() + 5000; !(await holds()); await sleep(10)) {
      if (Date.now() > end) throw new Error('The condition did not hold within 5 seconds.');
    }
  };
  /** Logs in until the key signs, since a running service notices a change after a moment. */
  const loginBy = async (
    client: Client,
    kid: string,
    user: Pick<TestUser, 'name' | 'password'> = testUser,
  ) => {
    let login = await client.login(user);
    await until(async () => {
      if (kidOf(login.access) !== kid) login = await client.login(user);
      return kidOf(login.access) === kid;
    });
    return login;
  };

  it.each<[string, string, JwtAlgorithm]>([
    ['a secret', 'a key pair', 'ES256'],
    ['a secret', 'another secret', 'HS512'],
    ['a secret', 'an RSA key pair', 'RS256'],
  ])('changes from %s to %s while the service runs, and keeps all sessions', async (_, __, to) => {
    const [one, two] = [await start(), await start()];
    const before = await one.login(testUser);
    const first = kidOf(before.access);

    // A client that uses both instances all the time, and never logs in again.
    let busy = true;
    const outcomes = new Set<unknown>();
    const renew = async () => {
      const { body } = await two.send('POST', '/auth/refresh', { token: before.refresh });
      return String(body.access_token);
    };
    const visitor = (async () => {
      while (busy) {
        outcomes.add(await me(one, await renew())).add(await me(two, before.access));
        await sleep(5);
      }
    })();

    const second = await add(to);
    await until(async () => to === 'HS512' || (await publicIds(one)).includes(second));
    const during = await one.login(testUser);
    expect(kidOf(during.access)).toBe(first);
    await use(second);
    const after = await loginBy(one, second);
    await loginBy(two, second);
    busy = false;
    await visitor;
    expect([...outcomes]).toEqual([200]);
    expect(headerOf(after.access).alg).toBe(to);
    const kept = await renew();
    expect(kidOf(kept)).toBe(second);

    // The third instance stands for a restart.
    const instances = [one, two, await start()];
    for (const client of instances) {
      for (const { access } of [before, during, after]) expect(await me(client, access)).toBe(200);
    }
    expect(await retire(first)).toBe(
      `${first} is retired: its tokens are refused from now on. Also remove it from the settings.`,
    );
    for (const client of instances) {
      await until(async () => (await me(client, before.access)) === 'token_invalid');
      expect(await me(client, during.access)).toBe('token_invalid');
      const { status } = await client.send('POST', '/auth/refresh', { token: during.refresh });
      expect(status).toBe(401);
      expect([await me(client, after.access), await me(client, kept)]).toEqual([200, 200]);
    }
  });

  it('checks the file at once for a key that an instance does not know yet', async () => {
    const [one, two] = [await start(), await start()];
    for (let round = 0; round < 3; round++) {
      const kid = await add('ES256');
      await use(kid);
      const { access } = await loginBy(one, kid);
      expect(await me(two, access)).toBe(200);
    }
  });

  it('stores keys in a file that only its owner may read, and lists no secrets', async () => {
    const [pair, secret] = [await add('ES384'), await add('HS256')];
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await use(pair);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const [own = '', ...lines] = (await list()).split('\n');
    expect(own).toMatch(/^[\w-]{43} {2}HS256 {2}verifies; the last of its tokens expires by .+Z/);
    expect(own).toMatch(/ \(settings\)$/);
    expect(lines).toEqual([
      expect.stringMatching(`^${pair}  ES384  signs \\(file, .+Z\\)$`),
      expect.stringMatching(`^${secret}  HS256  verifies, and has not signed yet \\(file, .+Z\\)$`),
    ]);
    const stored = JSON.parse(readFileSync(file, 'utf8')) as { keys: { d?: string; k?: string }[] };
    for (const { d, k } of stored.keys) expect(await list()).not.toContain(d ?? k);
    await use(secret);
    expect(await retire(pair)).toBe(`${pair} is retired: its tokens are refused from now on.`);
    expect(readFileSync(file, 'utf8')).not.toContain(pair);
  });

  it('signs with the configured key again on command', async () => {
    const own = (await list()).split(' ')[0]!;
    const kid = await add('HS384');
    await use(kid);
    await use(own);
    expect(await list()).toContain(`${own}  HS256  signs (settings)`);
    expect(await list()).toContain(`${kid}  HS384  verifies; the last of its tokens`);
    const app = await start();
    expect(kidOf((await app.login(testUser)).access)).toBe(own);
  });

  it('lists a replaced key as ready to be retired when its last token has expired', async () => {
    const own = (await list()).split(' ')[0]!;
    const kid = await add('ES256');
    expect(await use(kid)).toBe(
      `${kid} signs from now on; the other keys still verify; services that use the public keys may not know it for 5 minutes.`,
    );
    expect(await list()).not.toContain('can be retired');
    freezeTime(Date.now() + 30 * 86_400_000 + 1000);
    expect(await list()).toContain(`${own}  HS256  verifies, and can be retired`);
    jest.useRealTimers();
  });

  it('refuses to retire a key that signs, and to use one that was retired', async () => {
    const own = (await list()).split(' ')[0]!;
    await expect(retire(own)).rejects.toThrow(
      `The key ${own} signs; choose another signing key first.`,
    );
    await use(await add('HS384'));
    await retire(own);
    await expect(use(own)).rejects.toThrow(`The key ${own} was retired.`);
    expect(await list()).toContain('is retired (settings)');
    await expect(retire('nothing')).rejects.toThrow(
      'There is no key nothing; see: npm run keys -- list',
    );
    expect(readdirSync(database.folder)).not.toContain('jwt-keys.json.new');
  });

  it('lists keys without creating one', async () => {
    const made = AppConfig.from({
      ...database.settings,
      DATABASE_URL: `sqlite:${database.folder}/a`,
    });
    expect(await keyCommands(made.jwt).list()).toBe('There are no keys.');
    expect(readdirSync(database.folder)).not.toContain('jwt-secret');
  });

  it('refuses to change keys while another command changes them', async () => {
    await add('ES256');
    writeFileSync(`${file}.new`, '');
    const before = readFileSync(file, 'utf8');
    await expect(add('ES256')).rejects.toThrow(
      `The keys are being changed by another command; try again, or delete ${file}.new if no command is running.`,
    );
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it('starts in production with keys of the file only', async () => {
    const production = { NODE_ENV: 'production', JWT_SECRET_KEY: '' };
    await expect(start(production)).rejects.toThrow(/^JWT_SECRET_KEY is required in production;/);
    const env = { ...settings(production), JWT_ALGORITHM: 'ES256' };
    const command = ServiceProcess.spawn(env, 'scripts/keys.js', 'add');
    expect(await command.exit()).toBe(0);
    const kid = command.output.split(' ')[0]!;
    await expect(start(production)).rejects.toThrow(
      'There is no signing key; choose one with: npm run keys -- use <kid>, or set JWT_SECRET_KEY or JWT_PRIVATE_KEY.',
    );
    await use(kid);
    expect(await publicIds(await start(production))).toEqual([kid]);
  });

  it('refuses to start with a damaged file, and keeps the keys of a running service', async () => {
    const kid = await add('ES256');
    await use(kid);
    const { logger, errors } = quietLogger();
    const app = await start({}, logger);
    const { access } = await app.login(testUser);
    const content = readFileSync(file, 'utf8');
    const d = /"d": "(..)/.exec(content)![1]!;
    for (const damage of [
      '{',
      '[]',
      '{"keys":{}}',
      content.replace('"ES256"', '"none"'),
      content.replace('"ES256"', '"ES512"'),
      content.replace('"EC"', '"RSA"'),
      content.replace(`"d": "${d}`, '"d": "'),
      content.replace(`"d": "${d}`, `"d": "${d === 'aa' ? 'bb' : 'aa'}`),
      content.replaceAll(kid, 'another'),
      content.replace(`"signing": "${kid}"`, '"signing": "another"'),
    ]) {
      expect(damage).not.toBe(content);
      errors.mockClear();
      writeFileSync(file, damage);
      await until(async () => {
        expect(await me(app, access)).toBe(200);
        return errors.mock.calls.some(([text]) =>
          /^The keys were not reloaded: /.test(String(text)),
        );
      });
      await expect(start()).rejects.toThrow(StartError);
    }
    writeFileSync(file, content);
    expect(await me(await start(), access)).toBe(200);
  });

  it('warns of a key file that others may read', async () => {
    await add('ES256');
    chmodSync(file, 0o640);
    const { logger, warnings } = quietLogger();
    const app = await start({}, logger);
    utimesSync(file, new Date(), new Date(0));
    await until(async () => {
      await app.get('/.well-known/jwks.json');
      return warnings.mock.calls.length > 0;
    });
    expect(warnings.mock.calls[0]![0]).toBe(`Others may read ${file}; run: chmod 600 ${file}`);
  });

  it('keeps its keys, and retired ones retired, while the file is missing or unreadable', async () => {
    const { logger, errors } = quietLogger();
    const app = await start({}, logger);
    const before = await app.login(testUser);
    const kid = await add('ES256');
    await use(kid);
    const { access } = await loginBy(app, kid);
    await retire(kidOf(before.access));
    await until(async () => (await me(app, before.access)) === 'token_invalid');

    const away = `${file}.away`;
    renameSync(file, away);
    for (const [spoil, problem] of [
      [() => undefined, /has vanished/],
      [() => mkdirSync(file), /cannot be read \(EISDIR\)/],
      [() => symlinkSync(file, file), /cannot be accessed \(ELOOP\)/],
    ] as const) {
      errors.mockClear();
      spoil();
      for (const end = Date.now() + 300; Date.now() < end;) {
        expect(await me(app, access)).toBe(200);
        expect(await me(app, before.access)).toBe('token_invalid');
        expect(kidOf((await app.login(testUser)).access)).toBe(kid);
        expect(await publicIds(app)).toEqual([kid]);
      }
      expect(errors.mock.calls).toHaveLength(1);
      expect(errors.mock.calls[0]![0]).toMatch(problem);
      rmSync(file, { recursive: true, force: true });
    }
    renameSync(away, file);
    const next = await add('HS256');
    await use(next);
    await loginBy(app, next);
  });

  it('reads the file again after a transient failure', async () => {
    const app = await start();
    const kid = await add('ES256');
    await use(kid);
    const content = readFileSync(file, 'utf8');
    writeFileSync(file, '');
    const stopped = kidOf((await app.login(testUser)).access);
    await sleep(150);
    await app.login(testUser);
    // A transient failure leaves the file itself unchanged.
    const read = jest.spyOn(KeyFile.prototype, 'read').mockImplementation(() => {
      throw new StartError('EMFILE');
    });
    writeFileSync(file, content);
    await sleep(150);
    expect(kidOf((await app.login(testUser)).access)).toBe(stopped);
    read.mockRestore();
    await loginBy(app, kid);
  });

  it('changes a key file behind a symbolic link', async () => {
    const shared = `${file}.shared`;
    await add('ES256');
    renameSync(file, shared);
    symlinkSync(shared, file);
    const kid = await add('ES384');
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(readFileSync(shared, 'utf8')).toContain(kid);
    rmSync(shared);
    await expect(add('ES256')).rejects.toThrow(`The key file ${file} cannot be changed (ENOENT).`);
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
  });

  it('refuses to change a file with an invalid key, except to retire that key', async () => {
    await add('ES256');
    const content = readFileSync(file, 'utf8').replace(/"kid": ".{43}"/, '"kid": "bogus"');
    writeFileSync(file, content);
    await expect(use('bogus')).rejects.toThrow(/^The stored key bogus should have the kid /);
    await expect(add('ES256')).rejects.toThrow(StartError);
    expect(readFileSync(file, 'utf8')).toBe(content);
    expect(await retire('bogus')).toContain('is retired');
  });

  it('keeps all keys if the disk is full', async () => {
    const kids = [await add('ES512'), await add('ES512'), await add('ES512'), await add('ES512')];
    const content = readFileSync(file, 'utf8');
    const script = 'ulimit -f 1; exec node .cache/bundle/scripts/keys.js add ES256';
    const env = { PATH: process.env.PATH, ...settings() };
    const { status, stderr } = await runChild('bash', ['-c', script], { env });
    const problem = `The key file ${file} cannot be changed (EFBIG).`;
    expect([status, stderr]).toEqual([1, expect.stringContaining(problem)]);
    expect(readFileSync(file, 'utf8')).toBe(content);
    for (const kid of kids) expect(await list()).toContain(kid);
    expect(await add('ES256')).toMatch(/^[\w-]{43}$/);
  });

  it('accepts key files in JWT_SECRET and JWT_PUBLICKEY', async () => {
    const { privateKey, publicKey } = keyPairFor('RS256');
    const [privateFile, publicFile] = ['private', 'public'].map((name) =>
      join(database.folder, name),
    );
    writeFileSync(privateFile!, pemOf(privateKey));
    writeFileSync(publicFile!, pemOf(publicKey));
    const app = await start({
      ...{ JWT_SECRET_KEY: '', JWT_AUTHTYPE: 'RS256' },
      ...{ JWT_SECRET: privateFile!, JWT_PUBLICKEY: publicFile! },
    });
    const { access } = await app.login(testUser);
    expect(headerOf(access).alg).toBe('RS256');
    expect(await me(app, access)).toBe(200);
  });

  it('changes keys from the command line while the service runs', async () => {
    const service = ServiceProcess.spawn(settings());
    running.push(() => service.kill('SIGKILL'));
    const client = await service.client();
    const before = await client.newLogin();
    const keys = async (...args: string[]) => {
      const command = ServiceProcess.spawn(settings(), 'scripts/keys.js', ...args);
      return [await command.exit(), command.output.trim()] as const;
    };
    const [, added] = await keys('add', 'ES256');
    const kid = added.split(' ')[0]!;
    expect(added).toBe(
      `${kid} verifies from now on; to sign with it, run: npm run keys -- use ${kid}`,
    );
    expect(await keys('use', kid)).toEqual([
      0,
      `${kid} signs from now on; the other keys still verify; services that use the public keys may not know it for 5 minutes.`,
    ]);
    const after = await loginBy(client, kid, before);
    expect(service.output).toContain(`The keys have changed: ${kid} (ES256) signs`);
    expect(await me(client, before.access)).toBe(200);
    const [, listed] = await keys('list');
    expect(listed.split('\n')).toHaveLength(2);
    const own = kidOf(before.access);
    expect(await keys('retire', own)).toEqual([
      0,
      `${own} is retired: its tokens are refused from now on. Also remove it from the settings.`,
    ]);
    await until(async () => (await me(client, before.access)) === 'token_invalid');
    expect(await me(client, after.access)).toBe(200);
    expect(await keys('retire', kid)).toEqual([
      1,
      `The key ${kid} signs; choose another signing key first.`,
    ]);
    const both = await Promise.all([keys('add'), keys('add')]);
    const [, all] = await keys('list');
    for (const [status, output] of both) {
      if (status === 0) expect(all).toContain(output.split(' ')[0]);
      else expect(output).toContain('The keys are being changed by another command; try again');
    }
    for (const args of [[], ['add', 'none']]) {
      const [status, output] = await keys(...args);
      expect([args, status]).toEqual([args, 2]);
      expect(output).toContain('Usage: npm run keys -- list | add [algorithm] | use <kid>');
    }
  }, 60_000);
});
