import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import type { JwtAlgorithm } from '../../../../src/config/jwt-algorithms.js';
import { keyCommands } from '../../../support/key-commands.js';
import { runChild, startChild } from '../../../support/children.js';
import { Client, type LoggedIn } from '../../../support/client.js';
import { keyPairFor, pemOf, settingsFor } from '../../../support/key-material.js';
import { bootApp, SECRET, type TestApp } from '../../../support/test-app.js';

// Debian's Python has Debian's packages. Another Python may come first in the PATH.
const python = process.env.PYTHON_PATH ?? '/usr/bin/python3';

const withPython = (tests: () => void): void => {
  const found = spawnSync(python, ['-c', 'import cryptography, flask, jwt']);
  if (found.status === 0) return describe('PyJWT', tests);
  const missing = `${python} lacks the packages python3-jwt, python3-flask and python3-cryptography`;
  if (process.env.TEST_REQUIRE_ALL === 'true') throw new Error(`${missing}.`);
  console.warn(`SKIPPED: PyJWT and Flask. ${missing}; name one that has them in PYTHON_PATH.`);
  // The report shows these tests as skipped. .ci/run never skips them.
  describe.skip('PyJWT', tests);
};

const secretAlgorithms: JwtAlgorithm[] = ['HS256', 'HS384', 'HS512'];
const keyPairAlgorithms: JwtAlgorithm[] = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'];

const issuer = 'https://tokens.example';
const audience = 'the warehouse';

/** The settings that both services share. */
const sharedSettings = (algorithm: JwtAlgorithm): Record<string, string> => ({
  ...settingsFor(algorithm),
  ...{ JWT_ISSUER: issuer, JWT_AUDIENCE: audience },
});

const jwksOf = (app: TestApp): string => `${app.url}/.well-known/jwks.json`;

interface Task {
  token: string;
  algorithm: JwtAlgorithm;
  issuer: string;
  audience: string;
  /** The header `typ` that the verifier accepts; by default `at+jwt`. */
  typ?: string;
  key?: string;
  jwks_url?: string;
}

interface Verified {
  refused?: string;
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
}

/** Verifies all tokens with one Python process, since starting it takes the most time. */
async function verifyByPyJwt(tasks: Task[]): Promise<Verified[]> {
  // An empty environment, since PyJWT would ask a configured proxy for the keys.
  const args = ['test/tokens/interop/verify_tokens.py'];
  const input = JSON.stringify(tasks);
  const { status, stdout, stderr } = await runChild(python, args, { env: {}, input });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Verified[];
}

/** The Flask service, in its own process. */
class FlaskService extends Client {
  private constructor(
    private readonly child: ChildProcess,
    url: string,
  ) {
    super(url);
  }

  static async start(env: Record<string, string>): Promise<FlaskService> {
    const child = startChild(python, ['test/tokens/interop/flask_service.py'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const ended = once(child, 'close').then(() => {
      throw new Error(`The Flask service ended:\n${errors}`);
    });
    const [line] = (await Promise.race([once(child.stdout!, 'data'), ended])) as [Buffer];
    return new FlaskService(child, line.toString().trim());
  }

  /** @param claims override the claims of the service; null removes one */
  async issue(claims: Record<string, unknown>, kid?: string) {
    const json = { claims, ...(kid !== undefined && { kid }) };
    const { body } = await this.send<{ token: string; claims: Record<string, unknown> }>(
      'POST',
      '/tokens',
      { json },
    );
    return body;
  }

  whoami(token: string) {
    return this.get('/whoami', { token });
  }

  async stop(): Promise<void> {
    this.child.kill();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await once(this.child, 'exit');
    }
  }
}

const kidOf = (token: string) => jsonwebtoken.decode(token, { complete: true })!.header.kid!;

/** Combines the signature of one token with the claims of another. */
function forge({ access, refresh }: LoggedIn): string {
  const [header, , signature] = access.split('.');
  return [header, refresh.split('.')[1], signature].join('.');
}

/** The claims of a token of an ordinary user after a login. */
const claimsOf = (user: LoggedIn, type: 'access' | 'refresh') => ({
  ...{ iss: issuer, aud: audience, sub: String(user.id), type },
  ...{ sid: expect.stringMatching(/^[\w-]{16,}$/), jti: expect.stringMatching(/^[\w-]{16,}$/) },
  ...{ iat: expect.any(Number), nbf: expect.any(Number), exp: expect.any(Number) },
  ...(type === 'access' && { fresh: true, scope: {}, rv: 0 }),
});

withPython(() => {
  describe.each([...secretAlgorithms, ...keyPairAlgorithms])('%s', (algorithm) => {
    const isSecret = secretAlgorithms.includes(algorithm);
    let app: TestApp;
    let flask: FlaskService;
    let user: LoggedIn;

    beforeAll(async () => {
      const env = sharedSettings(algorithm);
      app = await bootApp(env);
      const keys = isSecret ? {} : { JWKS_URL: jwksOf(app) };
      [flask, user] = await Promise.all([FlaskService.start({ ...env, ...keys }), app.newLogin()]);
    });
    afterAll(async () => {
      await flask.stop();
      await app.close();
    });

    const task = (token: string, changes: Partial<Task>): Task => ({
      ...{ token, algorithm, issuer, audience },
      ...changes,
    });

    /** @param keys the sources of the key, each of which is tried */
    async function expectVerified(...keys: Partial<Task>[]): Promise<void> {
      const { access, refresh } = user;
      const header = { alg: algorithm, typ: 'at+jwt', kid: kidOf(access) };
      const results = await verifyByPyJwt(
        keys.flatMap((key) => [
          task(access, key),
          task(refresh, key),
          task(refresh, { ...key, typ: 'rt+jwt' }),
          task(forge(user), key),
          task(access, { ...key, issuer: 'https://others.example' }),
          task(access, { ...key, audience: 'the others' }),
        ]),
      );
      expect(results).toEqual(
        keys.flatMap(() => [
          { header, claims: claimsOf(user, 'access') },
          { refused: 'typ rt+jwt' },
          { header: { ...header, typ: 'rt+jwt' }, claims: claimsOf(user, 'refresh') },
          { refused: 'InvalidSignatureError' },
          { refused: 'InvalidIssuerError' },
          { refused: 'InvalidAudienceError' },
        ]),
      );
      const lifetimes = [
        [0, 15 * 60],
        [2, 30 * 24 * 3600],
      ] as const;
      for (const [index, lifetime] of lifetimes) {
        const { iat, nbf, exp } = results[index]!.claims as Record<string, number>;
        expect([nbf, exp]).toEqual([iat, iat! + lifetime]);
      }
    }

    if (isSecret) {
      it('verifies tokens of this service by secret in PyJWT', () =>
        expectVerified({ key: SECRET }));

      it('refuses tokens of this service by another secret in PyJWT', async () => {
        const [result] = await verifyByPyJwt([task(user.access, { key: `${SECRET}!` })]);
        expect(result).toEqual({ refused: 'InvalidSignatureError' });
      });
    } else {
      it('verifies tokens of this service by JWKS and by public key in PyJWT', () =>
        expectVerified({ jwks_url: jwksOf(app) }, { key: pemOf(keyPairFor(algorithm).publicKey) }));
    }

    it('accepts tokens that a Flask service signs, with and without the kid of this service', async () => {
      // Python escapes non-ASCII characters.
      const scope = { may: { crates: ['read', 'write'] }, rank: 'Großmoff ✦ 🚀' };
      for (const kid of [undefined, kidOf(user.access)]) {
        const issued = await flask.issue({ sub: String(user.id), scope }, kid);
        const { token } = issued;
        const me = await app.get('/auth/me', { token });
        expect([me.status, me.body]).toMatchObject([200, { id: user.id, name: user.name }]);
        const { status, body } = await app.get('/auth/token', { token });
        expect([status, body]).toEqual([
          200,
          {
            ...{ token_type: 'access', subject: String(user.id), scope, claims: issued.claims },
            ...{ is_signed: true, signed_token: token },
          },
        ]);
        const claims = { sub: String(user.id), type: 'refresh', fresh: null, scope: null };
        const refresh = await flask.issue(claims, kid);
        const answer = await app.send('POST', '/auth/refresh', { token: refresh.token });
        expect(answer.status).toBe(200);
      }
    });

    it('refuses tokens of a Flask service with a missing or wrong claim', async () => {
      const names = ['iss', 'aud', 'jti', 'type', 'iat', 'nbf', 'exp', 'fresh', 'scope', 'sub'];
      const changes = [
        ...names.map((name) => ({ [name]: null })),
        { iss: 'https://others.example' },
        { aud: 'the others' },
        { aud: ['the others'] },
      ];
      for (const change of changes) {
        const { token } = await flask.issue({ sub: String(user.id), ...change });
        const { status, body } = await app.get('/auth/me', { token });
        const invalid = { statusCode: 401, code: 'token_invalid', error: 'Invalid token' };
        expect([change, status, body]).toEqual([change, 401, invalid]);
      }
    });

    it('issues access tokens that a Flask service accepts, and other tokens that it refuses', async () => {
      const { status, body } = await flask.whoami(user.access);
      expect([status, body]).toEqual([200, { subject: String(user.id), scope: {} }]);
      const refused = async (token: string) => {
        const answer = await flask.whoami(token);
        return [answer.status, answer.body];
      };
      expect(await refused(user.refresh)).toEqual([401, { error: 'no access token' }]);
      expect(await refused(forge(user))).toEqual([401, { error: 'InvalidSignatureError' }]);
    });
  });

  describe('PyJWT after a change of keys', () => {
    let app: TestApp;
    let flask: FlaskService;

    beforeAll(async () => {
      app = await bootApp(sharedSettings('RS256'));
      flask = await FlaskService.start({ ...sharedSettings('ES256'), JWKS_URL: jwksOf(app) });
    });
    afterAll(async () => {
      await flask.stop();
      await app.close();
    });

    /** Adds a key, makes it sign, and returns the first login whose tokens it signed. */
    async function loginWithNewKey(algorithm: JwtAlgorithm): Promise<LoggedIn> {
      const keys = keyCommands(app.config.jwt);
      const kid = await keys.add(algorithm);
      await keys.use(kid);
      for (;;) {
        const user = await app.newLogin();
        if (kidOf(user.access) === kid) return user;
      }
    }

    it('publishes the keys of old and new tokens of any algorithm in the JWKS', async () => {
      const logins: [JwtAlgorithm, LoggedIn][] = [
        ['RS256', await app.newLogin()],
        ['ES256', await loginWithNewKey('ES256')],
        ['ES256', await loginWithNewKey('ES256')],
        ['ES384', await loginWithNewKey('ES384')],
      ];
      const results = await verifyByPyJwt(
        logins.map(([algorithm, { access: token }]) => ({
          ...{ token, algorithm, issuer, audience },
          jwks_url: jwksOf(app),
        })),
      );
      expect(results.map(({ claims }) => claims)).toEqual(
        logins.map(([, user]) => claimsOf(user, 'access')),
      );
      expect(new Set(results.map(({ header }) => header?.kid)).size).toBe(logins.length);
    });

    it('publishes a new key, which a running Flask service fetches for the first token of that key', async () => {
      const before = await loginWithNewKey('ES256');
      expect((await flask.whoami(before.access)).status).toBe(200);
      const after = await loginWithNewKey('ES256');
      for (const { id, access } of [after, before]) {
        expect((await flask.whoami(access)).body).toEqual({ subject: String(id), scope: {} });
      }
    });
  });
});
