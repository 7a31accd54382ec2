import { describe, expect, it } from '@jest/globals';
import { roleOf } from '../../src/auth/role.js';

describe('The scope of an access token', () => {
  it('says that an administrator is one, and nothing of any other user', () => {
    expect(roleOf({ admin: true })).toEqual({ scope: { admin: true } });
    expect(roleOf({ admin: false })).toEqual({ scope: {} });
  });
});
