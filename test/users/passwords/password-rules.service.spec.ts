import { describe, expect, it, jest } from '@jest/globals';
import type { AppConfig } from '../../../src/config/app-config.js';
import type { CommonPasswordsService } from '../../../src/passwords/common-passwords.service.js';
import { PasswordRulesService } from '../../../src/users/passwords/password-rules.service.js';

describe('PasswordRulesService', () => {
  const common = jest.fn<CommonPasswordsService['refuse']>();
  const rulesWith = (flaskCompat: boolean) =>
    new PasswordRulesService(
      { flaskCompat } as AppConfig,
      { refuse: common } as Partial<CommonPasswordsService> as CommonPasswordsService,
    );
  const sameAsName = 'Must differ from the name.';
  const messageOf = (...given: Parameters<PasswordRulesService['refuse']>): unknown => {
    try {
      return rulesWith(false).refuse(...given);
    } catch (error) {
      return (error as { body: { message: unknown } }).body.message;
    }
  };

  it('refuses a password that is the name of the user', () => {
    expect(messageOf('leia organa', 'leia organa')).toEqual({ password: [sameAsName] });
  });

  it('refuses a password that differs from the name only in case or in its Unicode form', () => {
    expect(messageOf('LEIA', 'leia')).toEqual({ password: [sameAsName] });
    expect(messageOf('ame\u0301lie', 'AM\u00c9LIE')).toEqual({ password: [sameAsName] });
  });

  it('names the field that holds the password', () => {
    expect(messageOf('leia', 'leia', 'new_password')).toEqual({ new_password: [sameAsName] });
  });

  it('accepts a password that only contains the name', () => {
    expect(messageOf('leia organa', 'leia')).toBeUndefined();
  });

  it('accepts the name as the password with FLASK_COMPAT', () => {
    expect(() => rulesWith(true).refuse('leia', 'leia')).not.toThrow();
  });

  it('refuses a common password, with and without FLASK_COMPAT', () => {
    const refusal = new Error('too common');
    common.mockImplementation((password) => {
      if (password === '123456') throw refusal;
    });
    for (const flaskCompat of [true, false]) {
      expect(() => rulesWith(flaskCompat).refuse('123456', 'leia')).toThrow(refusal);
    }
  });
});
