import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import {
  authorizationHeaders,
  bearerToken,
  missingToken,
  sentToken,
} from '../../src/access/sent-token.js';
import { cookieMissing, tokenMissing } from '../../src/tokens/token-errors.js';

const read = (...authorization: string[]): string | null => {
  const rawHeaders = [
    'Host',
    'localhost',
    ...authorization.flatMap((each) => ['Authorization', each]),
  ];
  return bearerToken({ raw: { rawHeaders } as IncomingMessage });
};

describe('bearerToken', () => {
  it('finds the token, whatever the case of the scheme', () => {
    expect(read('Bearer a.b.c')).toBe('a.b.c');
    expect(read('bEARER a.b.c')).toBe('a.b.c');
  });

  it('finds no token without the header, or with another scheme', () => {
    expect(read()).toBeNull();
    expect(read('Basic a.b.c')).toBeNull();
  });

  it('returns a malformed header whole, never a part of it', () => {
    expect(read('Bearer a.b.c d.e.f')).toBe('a.b.c d.e.f');
    expect(read('Bearer a.b.c', 'Bearer a.b.c')).toContain(', ');
    expect(read('Basic x', 'Bearer a.b.c')).toBe('Basic x, Bearer a.b.c');
    expect(read('Bearer')).toBe('Bearer');
  });
});

describe('bearerToken with an unusual scheme', () => {
  it('accepts any number of spaces after the scheme, and only the whole word as the scheme', () => {
    expect(read('Bearer   a.b.c')).toBe('a.b.c');
    expect(read('Bearer ')).toBe('');
    expect(read('Bearerx a.b.c')).toBeNull();
    expect(read('x Bearer a.b.c')).toBeNull();
    expect(read('Bearer\ta.b.c')).toBe('Bearer\ta.b.c');
    expect(read('bearer,a')).toBe('bearer,a');
    expect(read('')).toBeNull();
    expect(read('', '')).toBe(', ');
    expect(read('Basic a', 'Basic b')).toBe('Basic a, Basic b');
  });
});

describe('authorizationHeaders', () => {
  it('finds every Authorization header, and no other header', () => {
    expect(
      authorizationHeaders(['authorization', 'a', 'X', 'authorization', 'AUTHORIZATION', 'b']),
    ).toEqual(['a', 'b']);
    expect(authorizationHeaders(['Authorization', '', 'Authorizations', 'b'])).toEqual(['']);
    expect(authorizationHeaders([])).toEqual([]);
    expect(authorizationHeaders(['Authorization'])).toEqual([]);
  });
});

describe('sentToken', () => {
  const request = (headers: Record<string, string | string[]>) => {
    const rawHeaders = Object.entries(headers).flatMap(([name, value]) =>
      [value].flat().flatMap((each) => [name, each]),
    );
    return { raw: { headers, rawHeaders } as unknown as IncomingMessage };
  };
  const places = { header: 'authorization', cookie: 'mine' };
  const both = { authorization: 'Bearer a', cookie: 'mine=b' };

  it('prefers the header to the cookie, and reads each only if it is requested', () => {
    expect(sentToken(request(both), places)).toEqual({ signed: 'a', from: 'header' });
    expect(sentToken(request(both), { ...places, header: null })).toEqual({
      signed: 'b',
      from: 'cookie',
    });
    expect(sentToken(request({ cookie: 'mine=b' }), places)).toEqual({
      signed: 'b',
      from: 'cookie',
    });
    expect(sentToken(request({ cookie: 'mine=b' }), { ...places, cookie: null })).toBeNull();
    expect(sentToken(request(both), { header: null, cookie: null })).toBeNull();
    expect(sentToken(request({}), places)).toBeNull();
  });

  it('does not read the cookie if the header is malformed', () => {
    const headers = { ...both, authorization: 'Bearer' };
    expect(sentToken(request(headers), places)).toEqual({ signed: 'Bearer', from: 'header' });
    const empty = { ...both, authorization: 'Bearer ' };
    expect(sentToken(request(empty), places)).toEqual({ signed: '', from: 'header' });
  });

  it('takes a custom header without a scheme, and makes no valid token of several', () => {
    const own = { header: 'x-token', cookie: null };
    const signedOf = (value: string | string[]) =>
      sentToken(request({ 'x-token': value, authorization: 'Bearer z' }), own)?.signed;
    expect(signedOf('a')).toBe('a');
    expect(signedOf('Bearer a')).toBe('Bearer a');
    expect(signedOf(['a', 'b'])).toBe('a, b');
    expect(signedOf('')).toBeUndefined();
    expect(sentToken(request({ authorization: 'Bearer z' }), own)).toBeNull();
  });

  it('ignores white space around a cookie, but not within it', () => {
    const signedOf = (cookie: string) => sentToken(request({ cookie }), places)?.signed;
    expect(signedOf(' \tmine=b\t ')).toBe('b');
    expect(signedOf('mine=a b')).toBe('a b');
    expect(signedOf('mi ne=b')).toBeUndefined();
    expect(signedOf('mine =b')).toBeUndefined();
  });

  it('reads only the cookie of that name, and makes no valid token of two', () => {
    const signedOf = (cookie: string) => sentToken(request({ cookie }), places)?.signed;
    expect(signedOf('other=a; mine=b ; last=c')).toBe('b');
    expect(signedOf('mine=a=b')).toBe('a=b');
    expect(signedOf('mine=')).toBe('');
    expect(signedOf('mine=a; mine=b')).toBe('a; b');
    expect(signedOf('notmine=a')).toBeUndefined();
    expect(signedOf('mines=a; mine; a=mine=b')).toBeUndefined();
  });
});

describe('missingToken', () => {
  it('names the cookie only if no header is read', () => {
    expect(missingToken({ header: 'authorization', cookie: 'mine' })).toBe(tokenMissing);
    expect(missingToken({ header: 'authorization', cookie: null })).toBe(tokenMissing);
    expect(missingToken({ header: null, cookie: null })).toBe(tokenMissing);
    expect(missingToken({ header: null, cookie: 'mine' })).toEqual(cookieMissing('mine'));
  });
});
