import { describe, expect, it } from '@jest/globals';
import { isRole, roleNames, scopeOf, unionOf } from '../../../src/users/roles/scope.js';

describe('scopeOf', () => {
  it('returns the entries of the roles, and an empty scope for no role', () => {
    expect(scopeOf(['admin'])).toEqual({ admin: true });
    expect(scopeOf([])).toEqual({});
  });
});

describe('unionOf', () => {
  it('joins different entries, the items of lists and the members of objects', () => {
    const one = { admin: true, books: ['read', 'write'], limits: { daily: 5 } };
    const other = { books: ['write', 'lend'], limits: { daily: 5, total: 9 } };
    expect(unionOf([one, other])).toEqual({
      admin: true,
      books: ['read', 'write', 'lend'],
      limits: { daily: 5, total: 9 },
    });
    expect(one.books).toEqual(['read', 'write']);
  });

  it.each([
    [{ level: 1 }, { level: 2 }],
    [{ level: [1] }, { level: 1 }],
    [{ nested: { level: 1 } }, { nested: { level: '1' } }],
  ])('refuses different values of one entry: %j and %j', (one, other) => {
    expect(() => unionOf([one, other])).toThrow('the scope entry "level"');
  });
});

describe('isRole', () => {
  it('accepts only declared roles', () => {
    expect(roleNames.every(isRole)).toBe(true);
    expect(['constructor', 'Admin', ''].some(isRole)).toBe(false);
  });
});
