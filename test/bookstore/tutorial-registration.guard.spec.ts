import type { ExecutionContext } from '@nestjs/common';
import { describe, expect, it, jest } from '@jest/globals';
import type { AppConfig } from '../../src/config/app-config.js';
import type { TokenGuard } from '../../src/access/token.guard.js';
import { TutorialRegistrationGuard } from '../../src/bookstore/tutorial-registration.guard.js';

describe('TutorialRegistrationGuard', () => {
  const requirementWith = async (headers: object) => {
    const checkRequest = jest.fn<TokenGuard['checkRequest']>();
    const guard = new TutorialRegistrationGuard(
      { registrationClosed: true } as AppConfig,
      { checkRequest } as Partial<TokenGuard> as TokenGuard,
    );
    const context = {
      switchToHttp: () => ({
        getRequest: () => ({ headers }),
        getResponse: () => ({ header: () => undefined }),
      }),
    };
    expect(await guard.canActivate(context as unknown as ExecutionContext)).toBe(true);
    return checkRequest.mock.calls[0]?.[0];
  };

  it('takes the token from x-access-tokens if the request has that header', async () => {
    expect(await requirementWith({ 'x-access-tokens': '' })).toEqual({
      scope: { admin: true },
      header: 'x-access-tokens',
    });
  });

  it('takes the token from the usual places otherwise', async () => {
    expect(await requirementWith({})).toEqual({ scope: { admin: true } });
  });
});
