import { describe, expect, it } from '@jest/globals';
import { roleOf } from '../../src/auth/role.js';

describe('roleOf', () => {
  it('returns the admin scope for an administrator, and an empty scope for any other user', () => {
    expect(roleOf({ admin: true })).toEqual({ scope: { admin: true } });
    expect(roleOf({ admin: false })).toEqual({ scope: {} });
  });
});
