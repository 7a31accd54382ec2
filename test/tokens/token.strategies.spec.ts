import { createSecretKey } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AppConfig } from '../../src/config/app-config.js';
import { tokenKey } from '../../src/keys/token-key.js';
import type { TokenKeys } from '../../src/keys/token-keys.js';
import { NotAuthenticated, runStrategy } from '../../src/auth/run-strategy.js';
import type { SessionActivity } from '../../src/sessions/session-activity.js';
import type { TokenStateRepository } from '../../src/sessions/token-state.repository.js';
import { AccessTokenStrategy, RefreshTokenStrategy } from '../../src/tokens/token.strategies.js';
import { TokenVerifier } from '../../src/tokens/token-verifier.js';
import type { Token } from '../../src/tokens/token.js';

// A strategy that never answers is noticed soon.
jest.setTimeout(3000);

const secret = Buffer.alloc(32, 'secret');
const key = tokenKey(createSecretKey(secret), 'HS256');
const now = () => Math.floor(Date.now() / 1000);
const common = { sub: 'leia', jti: 'jti', iss: 'us', aud: 'here' };
const access = { ...common, type: 'access', fresh: false, scope: {} };

function signed(claims: object, { secret: by = secret, age = 0 } = {}): string {
  const moments = { iat: now() - age, nbf: now() - age, exp: now() - age + 60 };
  return jsonwebtoken.sign({ ...claims, ...moments }, by, { keyid: key.id });
}

describe('The strategy of a token', () => {
  const isLive = jest.fn<TokenStateRepository['isLive']>();
  const note = jest.fn<SessionActivity['note']>();
  const config = AppConfig.from({ JWT_ISSUER: 'us', JWT_AUDIENCE: 'here' });
  const keys = { ring: {}, find: (id?: string) => (id === key.id ? key : undefined) };
  const parts = [
    new TokenVerifier(keys as unknown as TokenKeys, config),
    { isLive } as unknown as TokenStateRepository,
    { note } as unknown as SessionActivity,
  ] as const;
  const strategies = {
    access: new AccessTokenStrategy(...parts),
    refresh: new RefreshTokenStrategy(...parts),
  };

  beforeEach(() => {
    jest.resetAllMocks();
    isLive.mockResolvedValue(true);
  });

  const run = (text: string, type: 'access' | 'refresh' = 'access', spent = false) =>
    runStrategy<Token>(strategies[type], { signed: text, spent });
  /** The code of our own error, or the message of the one that jsonwebtoken has. */
  const refusalOf = async (...given: Parameters<typeof run>) => {
    const error: unknown = await run(...given).catch((thrown: unknown) => thrown);
    const reason = error instanceof NotAuthenticated ? error.cause : error;
    const { code, message } = reason as { code?: string; message: string };
    return code ?? message;
  };

  it('gives a token that verifies and is live, with its header', async () => {
    const text = signed({ ...access, sid: 'sid' });
    const token = await run(text);
    expect(token).toMatchObject({ signed: text, subject: 'leia', sessionId: 'sid', keyId: key.id });
    expect(isLive.mock.calls).toEqual([[token, false]]);
  });

  it('notes the use of the session, if there is one', async () => {
    await run(signed({ ...access, sid: 'sid' }));
    await run(signed(access));
    expect(note.mock.calls).toEqual([['sid']]);
  });

  it('passes on whether a spent refresh token is accepted', async () => {
    await run(signed({ ...common, type: 'refresh' }), 'refresh', true);
    expect(isLive).toHaveBeenCalledWith(expect.anything(), true);
  });

  it('refuses a token that is not live, and notes no use', async () => {
    isLive.mockResolvedValue(false);
    expect(await refusalOf(signed({ ...access, sid: 'sid' }))).toBe('token_revoked');
    expect(note).not.toHaveBeenCalled();
  });

  it('refuses a token of the other type', async () => {
    const refresh = signed({ ...common, type: 'refresh' });
    expect(await refusalOf(refresh)).toBe('wrong_token_type');
    expect(await refusalOf(signed(access), 'refresh')).toBe('wrong_token_type');
    expect(isLive).not.toHaveBeenCalled();
  });

  it.each([
    [
      'another secret',
      () => signed(access, { secret: Buffer.alloc(32, 'x') }),
      'invalid signature',
    ],
    ['a time that has passed', () => signed(access, { age: 61 }), 'jwt expired'],
    ['another issuer', () => signed({ ...access, iss: 'them' }), /jwt issuer invalid/],
    ['another audience', () => signed({ ...access, aud: 'there' }), /jwt audience invalid/],
    ['no form', () => 'x', 'token_invalid'],
    [
      'another key',
      () => jsonwebtoken.sign(access, secret, { keyid: 'other', expiresIn: 60 }),
      'token_invalid',
    ],
  ])('refuses a token with %s', async (_, text, reason) => {
    expect(await refusalOf(text())).toMatch(reason);
  });

  it('leaves it to the verifier to refuse a token that is not good yet', async () => {
    const claims = { ...access, iat: now(), nbf: now() + 60, exp: now() + 120 };
    const text = jsonwebtoken.sign(claims, secret, { keyid: key.id });
    expect(await refusalOf(text)).toBe('token_invalid');
  });

  it('passes on that the database cannot be asked', async () => {
    isLive.mockRejectedValue(new Error('no database'));
    expect(await refusalOf(signed(access))).toBe('no database');
  });
});
