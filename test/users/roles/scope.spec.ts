import { describe, expect, it } from '@jest/globals';
import {
  isRole,
  problemOf,
  roleNames,
  scopeOf,
  sortedNames,
  unionOf,
} from '../../../src/users/roles/scope.js';

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

describe('problemOf', () => {
  it('accepts roles with short names and equal values', () => {
    expect(problemOf({ ['a'.repeat(64)]: { level: 1 }, b: { level: 1 } })).toBeNull();
  });

  it('names a role whose name is too long, and an entry with different values', () => {
    const name = 'a'.repeat(65);
    expect(problemOf({ [name]: {} })).toBe(
      `The name of the role ${name} is longer than 64 characters.`,
    );
    expect(problemOf({ a: { level: 1 }, b: { level: 2 } })).toBe(
      'Two roles give different values to the scope entry "level".',
    );
  });
});

describe('sortedNames', () => {
  it('sorts the names of roles, in whatever order they are declared', () => {
    expect(sortedNames({ librarian: {}, admin: {}, editor: {} })).toEqual([
      ...['admin', 'editor', 'librarian'],
    ]);
  });
});

describe('isRole', () => {
  it('accepts only declared roles', () => {
    expect(roleNames.every(isRole)).toBe(true);
    expect(['constructor', 'Admin', ''].some(isRole)).toBe(false);
  });
});
