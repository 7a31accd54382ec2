import type { ExecutionContext } from '@nestjs/common';
import { describe, expect, it, jest } from '@jest/globals';
import { refusedLogin } from '../../src/auth/auth-errors.js';
import type { CredentialsService } from '../../src/auth/credentials.service.js';
import type { AuthenticatedUser } from '../../src/users/users.service.js';
import { BasicAuthGuard } from '../../src/bookstore/basic-auth.guard.js';
import { BasicStrategy } from '../../src/bookstore/basic.strategy.js';

const leia = { id: 7, name: 'leia' } as AuthenticatedUser;
const header = (text: string) => ['Authorization', `Basic ${Buffer.from(text).toString('base64')}`];

describe('BasicAuthGuard', () => {
  const verify = jest.fn<CredentialsService['verify']>(async (_, password) => {
    if (password !== 'secret') throw refusedLogin();
    return leia;
  });
  const visit = async (rawHeaders: string[]) => {
    const strategy = new BasicStrategy({
      verify,
    } as Partial<CredentialsService> as CredentialsService);
    const socket = { remoteAddress: '203.0.113.7', once: () => undefined };
    const request: { user?: AuthenticatedUser } & Record<string, unknown> = {
      ...{ id: 'r1', ip: '203.0.113.7', headers: { 'user-agent': 'a browser' } },
      raw: { rawHeaders, socket },
    };
    const context = { switchToHttp: () => ({ getRequest: () => request }) };
    const outcome = await new BasicAuthGuard(strategy)
      .canActivate(context as unknown as ExecutionContext)
      .catch((error: unknown) => error);
    return { outcome, user: request.user };
  };

  it('accepts a correct name and password, and keeps the user', async () => {
    expect(await visit(header('leia:secret'))).toEqual({ outcome: true, user: leia });
    expect(verify.mock.calls[0]).toEqual([
      ...['leia', 'secret'],
      expect.objectContaining({ ip: '203.0.113.7', agent: 'a browser', requestId: 'r1' }),
    ]);
  });

  it('refuses a wrong password with 401', async () => {
    const { outcome, user } = await visit(header('leia:wrong'));
    expect(outcome).toMatchObject({
      code: 'credentials_invalid',
      reason: 'the name or the password is wrong',
    });
    expect(user).toBeUndefined();
  });

  it('refuses a request without credentials with 401, and verifies nothing', async () => {
    verify.mockClear();
    for (const headers of [[], header('leia'), ['Authorization', 'Bearer token']]) {
      expect((await visit(headers)).outcome).toMatchObject({
        code: 'credentials_invalid',
        reason: 'no name and password by HTTP Basic',
      });
    }
    expect(verify).not.toHaveBeenCalled();
  });

  it('rethrows any other error', async () => {
    const failure = new Error('the database is gone');
    verify.mockRejectedValueOnce(failure);
    expect((await visit(header('leia:secret'))).outcome).toBe(failure);
  });
});
