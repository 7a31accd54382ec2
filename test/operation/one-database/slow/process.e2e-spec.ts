import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceProcess } from '../../../support/process.js';
import { SECRET } from '../../../support/test-app.js';
import { createDatabase, type TestDatabase } from '../../../support/test-database.js';

describe('The process', () => {
  let database: TestDatabase;
  let processes: ServiceProcess[];

  beforeEach(async () => {
    database = await createDatabase();
    processes = [];
  });
  afterEach(async () => {
    await Promise.all(processes.map((each) => each.kill('SIGKILL')));
    await database.drop();
  });

  const spawn = (env: Record<string, string> = {}): ServiceProcess => {
    const settings = { ...database.settings, JWT_SECRET_KEY: SECRET };
    const service = ServiceProcess.spawn({ ...settings, ...env });
    processes.push(service);
    return service;
  };

  it('prints the addresses of the API and the docs, and exits on SIGINT', async () => {
    const service = spawn();
    const client = await service.client();
    expect(await service.saying(/The docs are at (\S+)\n/)).toBe(`${client.url}/docs`);
    // An idle keep-alive connection does not delay the exit.
    await client.get('/api/users');
    expect(await service.kill('SIGINT')).toBe(0);
  });

  it('answers requests in progress before it exits on SIGTERM, although another client never finishes', async () => {
    const service = spawn();
    const client = await service.client();
    const socket = connect(Number(new URL(client.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write('GET / HT');
    await sleep(100);
    const { name: username, password } = await client.newUser();
    const login = request(`${client.url}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', expect: '100-continue' },
    });
    login.flushHeaders();
    // The service has begun to handle the login.
    await once(login, 'continue');
    const exit = service.kill('SIGTERM');
    login.end(JSON.stringify({ username, password }));
    const [answer] = (await once(login, 'response')) as [IncomingMessage];
    expect([answer.statusCode, await text(answer)]).toEqual([
      200,
      expect.stringMatching(/"access_token":"\w/),
    ]);
    expect(await exit).toBe(0);
    socket.destroy();
  });

  it.each([
    ['development', {}, 'LOG', 'FLASK_COMPAT is true'],
    ['development', { FLASK_COMPAT: 'false' }, 'LOG', 'FLASK_COMPAT is false'],
    ['production', {}, '"level":"info"', 'FLASK_COMPAT is false'],
    ['production', { FLASK_COMPAT: 'true' }, '"level":"warn"', 'FLASK_COMPAT is true'],
  ])(
    'states in the log of %s with %j whether FLASK_COMPAT is set',
    async (NODE_ENV, env, level, sentence) => {
      const service = spawn({ NODE_ENV, ...env });
      await service.client();
      const line = service.output.split('\n').find((each) => each.includes(sentence));
      expect(line).toContain(level);
      // A start takes long if several run at once on a busy machine.
    },
    60_000,
  );

  it('refuses to start with invalid settings, and names each of them', async () => {
    const service = spawn({ PORT: 'http', JWT_ALGORITHM: 'none', DOCS: 'yes' });
    expect(await service.exit()).toBe(1);
    expect(service.output.trim().split('\n')).toEqual([
      'PORT is invalid: use an integer from 0 to 65535.',
      'JWT_ALGORITHM is invalid: use HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384 or ES512.',
      'DOCS is invalid: use true or false.',
    ]);
  });

  it('reports a port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const service = spawn({ PORT: String((other.address() as AddressInfo).port) });
    expect(await service.exit()).toBe(1);
    expect(service.output).toMatch(
      /EADDRINUSE.+; stop the process that listens there, or set PORT/,
    );
    other.close();
  });

  it('makes a user an administrator by `npm run admin`', async () => {
    const client = await spawn().client();
    const user = await client.newLogin();
    const other = await client.newUser();
    const env = { ...database.settings, JWT_SECRET_KEY: SECRET };
    const admin = (...words: string[]) => ServiceProcess.spawn(env, 'scripts/admin.js', ...words);
    const grant = admin('grant', user.name);
    expect(await grant.exit()).toBe(0);
    expect(grant.output).toContain(`${user.name} is an administrator from the next request on`);
    expect((await client.get('/auth/me', { token: user.access })).body.code).toBe('token_expired');
    const { access: token } = await client.login(user);
    expect((await client.send('DELETE', `/api/users/${other.id}`, { token })).status).toBe(204);
    const last = admin('revoke', user.name);
    expect(await last.exit()).toBe(1);
    expect(last.output).toBe('The last administrator can neither lose this role nor be deleted.\n');
    const unknown = admin('revoke', 'unknown');
    expect(await unknown.exit()).toBe(1);
    expect(unknown.output).toBe('There is no user unknown.\n');
  });

  it('shows and replaces the roles of a user by `npm run admin`', async () => {
    const client = await spawn().client();
    const [one, other] = [await client.newUser(), await client.newUser()];
    const env = { ...database.settings, JWT_SECRET_KEY: SECRET };
    const roles = async (...words: string[]) => {
      const command = ServiceProcess.spawn(env, 'scripts/admin.js', 'user', 'roles', ...words);
      return [await command.exit(), command.output];
    };
    expect(await roles(one.name)).toEqual([0, `${one.name} has no role.\n`]);
    expect(await roles(one.name, 'admin')).toEqual([0, `${one.name} has the roles: admin.\n`]);
    await roles(other.name, 'admin');
    expect(await roles(one.name, '--none')).toEqual([0, `${one.name} has no role.\n`]);
    expect(await roles('unknown')).toEqual([1, 'There is no user unknown.\n']);
    const [status, output] = await roles(one.name, 'pilot');
    expect([status, output]).toEqual([
      ...[1, expect.stringMatching(/^There is no role pilot\. The roles are admin\./)],
    ]);
  });
});
