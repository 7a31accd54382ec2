import { describe, expect, it } from '@jest/globals';
import { isOfOtherType, refuseClaims, refuseHeader } from '../../src/tokens/claims.js';

const NOW = 1_700_000_000.5;
const good = {
  sub: 'leia',
  jti: 'jti',
  iat: 1_700_000_000,
  nbf: 1_700_000_000,
  exp: 1_700_000_001,
  type: 'access',
  fresh: false,
  scope: {},
};
const refusal = (changes: object = {}, jwtAudience: string[] | null = null, jwtLeeway = 0) => {
  const claims = Object.entries({ ...good, ...changes }).filter(([, value]) => value !== undefined);
  return refuseClaims(Object.fromEntries(claims), { jwtAudience, jwtLeeway } as never, NOW);
};

describe('refuseHeader', () => {
  it('accepts the headers of this service and of others', () => {
    expect(refuseHeader({ alg: 'HS256' })).toBeNull();
    expect(refuseHeader({ alg: 'HS256', typ: 'JWT', kid: 'key' })).toBeNull();
  });

  it.each(['jwt', 'at+jwt', 'AT+JWT', 'rt+jwt', 'application/at+jwt', 'Application/JWT'])(
    'accepts the typ %j, whatever its case and prefix',
    (typ) => {
      expect(refuseHeader({ alg: 'HS256', typ })).toBeNull();
    },
  );

  it.each(['crit', 'b64', 'jwk', 'jku', 'x5c', 'x5u'])(
    'refuses the header parameter %s',
    (name) => {
      for (const value of [true, false, null, 'text', []]) {
        expect(refuseHeader({ alg: 'HS256', [name]: value })).toBe(`${name} is not supported`);
      }
    },
  );

  it.each([1, null, ['key'], { kid: 'key' }])('refuses the kid %j', (kid) => {
    expect(refuseHeader({ alg: 'HS256', kid })).toBe('kid is ill-typed');
  });

  it.each([
    '',
    'JWS',
    'at',
    'application/',
    'x/at+jwt',
    'application/application/jwt',
    'at+application/jwt',
    1,
    null,
    ['JWT'],
  ])('refuses the typ %j', (typ) => {
    expect(refuseHeader({ alg: 'HS256', typ })).toBe('typ is not known');
  });
});

describe('isOfOtherType', () => {
  it.each([
    ['at+jwt', false, true],
    ['application/AT+JWT', false, true],
    ['rt+jwt', true, false],
    ['Application/rt+jwt', true, false],
    ['JWT', false, false],
    [undefined, false, false],
  ])(
    'returns for the typ %j: %j with an access token, %j with a refresh token',
    (typ, access, refresh) => {
      expect(isOfOtherType({ typ }, 'access')).toBe(access);
      expect(isOfOtherType({ typ }, 'refresh')).toBe(refresh);
    },
  );
});

describe('refuseClaims', () => {
  it('accepts an access token and a refresh token', () => {
    expect(refusal()).toBeNull();
    expect(refusal({ sid: 'session', csrf: 'value', fresh: true, scope: { a: 1 } })).toBeNull();
    expect(refusal({ type: 'refresh', fresh: undefined, scope: undefined })).toBeNull();
  });

  it.each(['sub', 'jti'])('requires a text of 1 to 255 characters in %s', (name) => {
    for (const value of [undefined, null, '', 1, ['a'], {}, 'a'.repeat(256), 'a\0b']) {
      expect(refusal({ [name]: value })).toBe(`${name} is missing or ill-typed`);
    }
    for (const value of ['a', 'a'.repeat(255)]) expect(refusal({ [name]: value })).toBeNull();
  });

  it.each(['sid', 'csrf'])(
    'refuses an optional %s that is not a text of 1 to 255 characters',
    (name) => {
      for (const value of [null, '', 1, ['a'], 'a'.repeat(256)]) {
        expect(refusal({ [name]: value })).toBe(`${name} is ill-typed`);
      }
    },
  );

  it('accepts no role version, or an integer that its column can hold', () => {
    for (const rv of [undefined, 0, 1, 2 ** 31 - 1]) expect(refusal({ rv })).toBeNull();
    for (const rv of [null, -1, 0.5, '1', 2 ** 31, Infinity, [1], true]) {
      expect(refusal({ rv })).toBe('rv is ill-typed');
    }
  });

  it.each(['iat', 'nbf', 'exp'])('refuses an invalid time in %s', (name) => {
    for (const value of [undefined, null, '1', -1, -0.5, Infinity, NaN, 8.64e12 + 1]) {
      expect(refusal({ [name]: value })).toBe(`${name} is missing or ill-typed`);
    }
  });

  it('compares times to a fraction of a second', () => {
    expect(refusal({ iat: NOW })).toBeNull();
    expect(refusal({ iat: NOW + 0.1 })).toBe('iat is in the future');
    expect(refusal({ nbf: NOW })).toBeNull();
    expect(refusal({ nbf: NOW + 0.1 })).toBe('nbf is in the future');
    expect(refusal({ exp: NOW })).toBe('exp has passed');
    expect(refusal({ exp: NOW + 0.1 })).toBeNull();
    expect(refusal({ iat: 0, nbf: 0, exp: 8.64e12 })).toBeNull();
  });

  it('accepts an iat and an nbf that are ahead by less than the leeway, but grants exp no leeway', () => {
    const withLeeway = (changes: object) => refusal(changes, null, 5);
    for (const name of ['iat', 'nbf']) {
      expect(withLeeway({ [name]: NOW + 4.9 })).toBeNull();
      expect(withLeeway({ [name]: NOW + 5 })).toBe(`${name} is in the future`);
    }
    expect(withLeeway({ exp: NOW })).toBe('exp has passed');
  });

  it('accepts an audience only if one is configured, and requires it then', () => {
    for (const aud of ['a', ['a', 'b'], []]) expect(refusal({ aud }, ['a'])).toBeNull();
    for (const aud of [undefined, null, 1, ['a', 1], [1, 'a'], {}]) {
      expect(refusal({ aud }, ['a'])).toBe('aud is ill-typed');
    }
    for (const aud of ['a', ['a'], [], null, 1]) {
      expect(refusal({ aud })).toBe('aud is present, but no audience is configured');
    }
    expect(refusal({ aud: undefined })).toBeNull();
  });

  it('refuses a type, a freshness and a scope that this service does not issue', () => {
    for (const type of [undefined, null, 'Access', 'id', 1]) {
      expect(refusal({ type })).toBe('type is missing or unknown');
    }
    for (const fresh of [undefined, null, 'true', 0]) {
      expect(refusal({ fresh })).toBe('fresh is missing or ill-typed');
    }
    for (const scope of [undefined, null, [], 'admin', 1]) {
      expect(refusal({ scope })).toBe('scope is missing or ill-typed');
    }
  });
});
