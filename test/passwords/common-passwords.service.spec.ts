import { Logger } from '@nestjs/common';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { AppConfig } from '../../src/config/app-config.js';
import { CommonPasswordsService } from '../../src/passwords/common-passwords.service.js';

describe('CommonPasswordsService', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });
  const listWith = (production: boolean) => new CommonPasswordsService({ production } as AppConfig);

  it.each(['123456', 'password', 'PassWord', 'qwerty', '12345678'])(
    'refuses %s in production',
    (password) => {
      const common = expect.objectContaining({
        body: expect.objectContaining({
          ...{ statusCode: 400, code: 'password_too_common' },
          message: 'This password is too common.',
        }) as unknown,
      });
      expect(() => listWith(true).refuse(password)).toThrow(common);
    },
  );

  it.each(['a long way from home', '', ' password'])('accepts %j', (password) => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    listWith(true).refuse(password);
    listWith(false).refuse(password);
    expect(warn).not.toHaveBeenCalled();
  });

  it('warns of a common password outside production, without logging it', () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    listWith(false).refuse('password1');
    expect(warn.mock.calls).toEqual([[expect.not.stringContaining('password1')]]);
  });
});
