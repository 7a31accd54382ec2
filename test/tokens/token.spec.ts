import { describe, expect, it } from '@jest/globals';
import { addOwnClaims } from '../../src/tokens/token-hooks.js';
import { type Claims, RESERVED_CLAIMS, Token } from '../../src/tokens/token.js';

describe('Token', () => {
  const claims = { sub: 'leia', jti: 'jti', type: 'access', iat: 10, nbf: 10, exp: 25 } as Claims;
  const tokenOf = (more: Partial<Claims> = {}, header: object = {}, signed = 'a.b.c') =>
    new Token(signed, { alg: 'HS256', ...header }, { ...claims, ...more });

  it('returns its claims and header members', () => {
    const more = { sid: 'sid', iss: 'iss', aud: ['aud'], scope: { a: 1 }, fresh: true };
    const token = tokenOf(more, { kid: 'kid' });
    expect([token.type, token.subject, token.id, token.sessionId]).toEqual([
      ...['access', 'leia', 'jti', 'sid'],
    ]);
    expect([token.issuer, token.audience, token.scope, token.fresh]).toEqual([
      ...['iss', ['aud'], { a: 1 }, true],
    ]);
    expect([token.algorithm, token.keyId, token.isSigned()]).toEqual(['HS256', 'kid', true]);
    expect([token.issuedAt, token.expiresAt]).toEqual([new Date(10_000), new Date(25_000)]);
    expect(token.maxAge).toBe(15);
  });

  it('returns defaults for claims that it lacks', () => {
    const token = tokenOf({}, {}, '');
    expect([token.sessionId, token.issuer, token.audience, token.keyId]).toEqual([
      ...[null, null, null, null],
    ]);
    expect([token.scope, token.fresh, token.isSigned()]).toEqual([{}, false, false]);
  });

  it('has a role version only if it is an access token with the claim', () => {
    expect(tokenOf({ rv: 3 }).roleVersion).toBe(3);
    expect(tokenOf({ rv: 0 }).roleVersion).toBe(0);
    expect(tokenOf().roleVersion).toBeNull();
    expect(tokenOf({ type: 'refresh', rv: 3 }).roleVersion).toBeNull();
  });

  it('is fresh only if its claim is true', () => {
    for (const fresh of [false, undefined, 'true', 1]) {
      expect(tokenOf({ fresh } as Partial<Claims>).fresh).toBe(false);
    }
  });
});

describe('addOwnClaims', () => {
  it('adds claims in the form that a reader of the JSON sees', () => {
    const claims: Record<string, unknown> = { own: 1 };
    addOwnClaims(claims, { at: new Date(0), gone: undefined, deep: { a: [1, NaN] } });
    const at = '1970-01-01T00:00:00.000Z';
    expect(claims).toEqual({ own: 1, at, deep: { a: [1, null] } });
    expect('gone' in claims).toBe(false);
    addOwnClaims(claims, null);
    addOwnClaims(claims, undefined);
    addOwnClaims(claims, {});
    expect(Object.keys(claims)).toEqual(['own', 'at', 'deep']);
  });

  it.each([
    ...['iss', 'aud', 'sub', 'sid', 'jti', 'type', 'iat', 'nbf', 'exp'],
    ...['fresh', 'scope', 'rv', 'csrf'],
  ])('refuses the registered claim %s', (name) => {
    expect(RESERVED_CLAIMS).toContain(name);
    const claims = {};
    expect(() => addOwnClaims(claims, { [name]: 'x' })).toThrow(
      `The claim "${name}" cannot be overwritten.`,
    );
    expect(claims).toEqual({});
  });

  it('refuses a claim that exists already, and __proto__', () => {
    expect(() => addOwnClaims({ mine: 1 }, { mine: 2 })).toThrow('"mine"');
    expect(() => addOwnClaims({}, { mine: 2 }, { mine: 1 })).toThrow('"mine"');
    const prototype = JSON.parse('{"__proto__":{"admin":true}}') as Record<string, unknown>;
    expect(() => addOwnClaims({}, prototype)).toThrow('"__proto__"');
    const claims = {};
    // Inherited properties do not count as existing.
    addOwnClaims(claims, { constructor: 'x' });
    expect(Object.keys(claims)).toEqual(['constructor']);
  });

  it.each([
    ['a list', [['admin', true]]],
    ['a map', new Map([['admin', true]])],
    ['a string', 'admin'],
    ['an object of a class', new Date()],
    ['an object that serializes to a list', { toJSON: () => ['admin'] }],
  ])('refuses claims from %s', (_, more) => {
    expect(() => addOwnClaims({}, more as never)).toThrow('Claims must be a plain object.');
  });
});
