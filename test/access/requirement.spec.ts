import { describe, expect, it } from '@jest/globals';
import {
  headerOf,
  loginCookieOf,
  param,
  placesOf,
  type TokenRequirement,
  unmetCondition,
} from '../../src/access/requirement.js';
import { type Claims, Token } from '../../src/tokens/token.js';

const tokenOf = (claims: Partial<Claims> = {}) =>
  new Token('signed', { alg: 'HS256' }, { sub: 'leia', ...claims } as Claims);

/** @returns the error code of the first condition that the token does not meet, or null */
const unmetCode = (
  requirement: TokenRequirement,
  claims: Partial<Claims> = {},
  params: Record<string, string> = {},
) => unmetCondition(requirement, tokenOf(claims), params)?.code ?? null;

describe('unmetCondition', () => {
  it('accepts any token if the requirement is empty', () => {
    expect(unmetCode({})).toBeNull();
    expect(unmetCode({ fresh: false, scope: {}, claims: {} })).toBeNull();
  });

  it('checks freshness before the override', () => {
    const requirement = {
      fresh: true,
      claims: { sub: param('id') },
      override: { scope: { admin: true } },
    };
    const admin = { scope: { admin: true } };
    expect(unmetCode(requirement, { ...admin, fresh: false }, { id: 'leia' })).toBe(
      'fresh_token_required',
    );
    expect(unmetCode(requirement, admin, { id: 'luke' })).toBe('fresh_token_required');
    expect(unmetCode(requirement, { ...admin, fresh: true }, { id: 'luke' })).toBeNull();
    expect(unmetCode(requirement, { fresh: true }, { id: 'luke' })).toBe('claim_required');
    expect(unmetCode(requirement, { fresh: true }, { id: 'leia' })).toBeNull();
  });

  it('accepts an override by a claim, but no override that is met only in part', () => {
    const requirement = {
      scope: { write: true },
      override: { scope: { admin: true }, claims: { staff: true } },
    };
    expect(unmetCode(requirement, { scope: { write: true } })).toBeNull();
    expect(unmetCode(requirement, { scope: { admin: true }, staff: true })).toBeNull();
    expect(unmetCode(requirement, { scope: { admin: true } })).toBe('scope_required');
    expect(unmetCode(requirement, { staff: true })).toBe('scope_required');
    expect(unmetCode({ scope: { write: true }, override: { claims: { staff: true } } }, {})).toBe(
      'scope_required',
    );
  });

  it('checks the scope before the claims', () => {
    const requirement = { scope: { admin: true }, claims: { staff: true } };
    expect(unmetCode(requirement)).toBe('scope_required');
    expect(unmetCode(requirement, { scope: { admin: true } })).toBe('claim_required');
    expect(unmetCode(requirement, { staff: true })).toBe('scope_required');
    expect(unmetCode(requirement, { scope: { admin: true }, staff: true })).toBeNull();
  });

  it.each<[unknown, unknown, boolean]>([
    ['a', 'a', true],
    ['a', 'b', false],
    [1, 1, true],
    ['1', 1, false],
    [null, null, true],
    [undefined, null, false],
    [['a', 'b', 'c'], ['c', 'a'], true],
    [['a'], ['a', 'b'], false],
    [[], ['a'], false],
    [['a'], [], true],
    [[], [], true],
    ['a', ['a'], false],
    [{ a: 1 }, [], false],
    [[{ a: 1, b: 2 }], [{ a: 1 }], true],
    [[{ b: 2 }], [{ a: 1 }], false],
    [['a'], 'a', false],
    [{ a: 1, b: 2 }, { a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: 2 }, { a: 1 }, false],
    [{ a: { b: [1, 2] } }, { a: { b: [2] } }, true],
    [{ a: { b: [1] } }, { a: { b: [2] } }, false],
    [[], {}, false],
    ['a', {}, false],
    [{}, {}, true],
    // Inherited properties do not count.
    [{}, { constructor: Object }, false],
    [{}, { missing: undefined }, false],
  ])('compares the claim %j with the required %j: %j', (actual, wanted, met) => {
    expect(unmetCode({ claims: { claim: wanted } }, { claim: actual })).toBe(
      met ? null : 'claim_required',
    );
  });

  it('compares a claim with the route parameter that the requirement names', () => {
    const bound = { claims: { sub: param('id') } };
    expect(unmetCode(bound, {}, { id: 'leia', other: 'luke' })).toBeNull();
    expect(unmetCode(bound, {}, { id: 'luke', other: 'leia' })).toBe('claim_required');
    expect(unmetCode(bound, {}, {})).toBe('claim_required');
    const number = { claims: { n: param('n') } };
    expect(unmetCode(number, { n: 7 }, { n: '7' })).toBeNull();
    expect(unmetCode(number, { n: '7' }, { n: '7' })).toBeNull();
    for (const [n, text] of [
      ...[
        [undefined, 'undefined'],
        [null, 'null'],
        [true, 'true'],
        [['7'], '7'],
      ],
      [{ n: 7 }, '[object Object]'],
    ] as const) {
      expect(unmetCode(number, { n }, { n: text })).toBe('claim_required');
    }
  });

  it('compares parameters in nested objects and lists, also in the override', () => {
    const nested = { scope: { crates: [param('id')] }, override: { scope: { all: param('id') } } };
    expect(unmetCode(nested, { scope: { crates: ['1', 7] } }, { id: '7' })).toBeNull();
    expect(unmetCode(nested, { scope: { crates: ['1'] } }, { id: '7' })).toBe('scope_required');
    expect(unmetCode(nested, { scope: { all: '7' } }, { id: '7' })).toBeNull();
    expect(unmetCode(nested, { scope: { all: '1' } }, { id: '7' })).toBe('scope_required');
  });
});

describe('placesOf and headerOf', () => {
  it.each<[TokenRequirement, string[], string | null]>([
    [{}, [], 'authorization'],
    [{ in: 'header' }, ['header'], 'authorization'],
    [{ in: 'cookie', cookie: 'mine' }, ['cookie'], null],
    [{ in: ['cookie', 'header'], cookie: 'mine' }, ['cookie', 'header'], 'authorization'],
    [{ header: 'X-Token' }, ['header'], 'x-token'],
    [{ in: 'cookie', header: 'X-Token' }, ['cookie'], null],
    [{ in: ['header', 'cookie'], header: 'X-Token' }, ['header', 'cookie'], 'x-token'],
    [{ in: [] }, [], 'authorization'],
  ])('finds for %j the places %j and the header %j', (requirement, places, header) => {
    expect(placesOf(requirement)).toEqual(places);
    expect(headerOf(requirement)).toBe(header);
  });
});

describe('loginCookieOf', () => {
  it.each<[TokenRequirement, string | null]>([
    [{}, 'access'],
    [{ type: 'access' }, 'access'],
    [{ type: 'refresh' }, null],
    [{ type: 'refresh', refreshCookie: true }, 'refresh'],
    [{ in: 'header' }, null],
    [{ header: 'X-Token' }, null],
  ])('finds for %j the login cookie %j', (requirement, cookie) => {
    expect(loginCookieOf(requirement)).toBe(cookie);
  });
});
