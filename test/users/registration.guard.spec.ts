import type { ExecutionContext } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AppConfig } from '../../src/config/app-config.js';
import { TokenError, tokenMissing } from '../../src/tokens/token-errors.js';
import type { TokenGuard } from '../../src/access/token.guard.js';
import { Token } from '../../src/tokens/token.js';
import { closeRegistration, RegistrationGuard } from '../../src/users/registration.guard.js';

const token = new Token('signed', { alg: 'HS256' }, {} as Token['claims']);

describe('RegistrationGuard', () => {
  let checkRequest: jest.Mock<TokenGuard['checkRequest']>;

  beforeEach(() => {
    checkRequest = jest.fn<TokenGuard['checkRequest']>().mockResolvedValue(token);
  });

  const visit = async (registrationClosed: boolean) => {
    const guard = new RegistrationGuard(
      { registrationClosed } as AppConfig,
      { checkRequest } as Partial<TokenGuard> as TokenGuard,
    );
    const request: { token?: Token } = {};
    const header = jest.fn();
    const context = {
      switchToHttp: () => ({ getRequest: () => request, getResponse: () => ({ header }) }),
    } as unknown as ExecutionContext;
    const outcome = await guard.canActivate(context).catch((error: unknown) => error);
    return { outcome, request, header };
  };

  it('lets everyone register while registration is open, without reading a token', async () => {
    const { outcome, request, header } = await visit(false);
    expect(outcome).toBe(true);
    expect(checkRequest).not.toHaveBeenCalled();
    expect(request.token).toBeUndefined();
    expect(header).not.toHaveBeenCalled();
  });

  it('requires an administrator while registration is closed, and keeps the token', async () => {
    const { outcome, request, header } = await visit(true);
    expect(outcome).toBe(true);
    expect(checkRequest.mock.calls).toEqual([[{ scope: { admin: true } }, request]]);
    expect(request.token).toBe(token);
    expect(header.mock.calls).toEqual([['cache-control', 'no-store']]);
  });

  it('refuses a registration with 403 and a challenge if the token is refused', async () => {
    checkRequest.mockRejectedValue(new TokenError(tokenMissing, 'no token was sent'));
    const { outcome, request, header } = await visit(true);
    expect(outcome).toMatchObject({
      code: 'registration_closed',
      headers: { 'www-authenticate': 'Bearer realm="api"' },
      reason: 'no token was sent',
    });
    expect(request.token).toBeUndefined();
    expect(header.mock.calls).toEqual([['cache-control', 'no-store']]);
  });

  it('rethrows any other error', async () => {
    const failure = new Error('the database is gone');
    checkRequest.mockRejectedValue(failure);
    expect((await visit(true)).outcome).toBe(failure);
  });
});

describe('closeRegistration', () => {
  /** @returns the hooks of the service and what they called */
  const visit = async (registrationClosed: boolean, registration?: object) => {
    const hooks = new Map<string, (request: object, reply: object) => Promise<void>>();
    const check = jest.fn<RegistrationGuard['check']>().mockResolvedValue(true);
    const get = jest.fn((_guard: unknown, _options: unknown) => ({ check }));
    const app = {
      getHttpAdapter: () => ({ getInstance: () => ({ addHook: hooks.set.bind(hooks) }) }),
      get,
    };
    closeRegistration(
      app as unknown as NestFastifyApplication,
      { registrationClosed } as AppConfig,
    );
    const request = { routeOptions: { config: { registration } } };
    const reply = {};
    await hooks.get('onRequest')?.(request, reply);
    return { hooks, get, check, request, reply };
  };

  it('calls the guard of the route before the body is read', async () => {
    const { get, check, request, reply } = await visit(true, RegistrationGuard);
    expect(get.mock.calls).toEqual([[RegistrationGuard, { strict: false }]]);
    expect(check.mock.calls).toEqual([[request, reply]]);
  });

  it('calls no guard for a route that registers no user', async () => {
    const { hooks, get } = await visit(true);
    expect(hooks.size).toBe(1);
    expect(get).not.toHaveBeenCalled();
  });

  it('adds no hook while registration is open', async () => {
    expect((await visit(false, RegistrationGuard)).hooks.size).toBe(0);
  });

  it('waits for the guard, whose refusal ends the request', async () => {
    const hooks: ((request: object, reply: object) => Promise<void>)[] = [];
    const refusal = new Error('refused');
    const app = {
      getHttpAdapter: () => ({
        getInstance: () => ({ addHook: (_: string, hook: never) => hooks.push(hook) }),
      }),
      get: () => ({ check: async () => Promise.reject(refusal) }),
    };
    closeRegistration(
      app as unknown as NestFastifyApplication,
      {
        registrationClosed: true,
      } as AppConfig,
    );
    const request = { routeOptions: { config: { registration: RegistrationGuard } } };
    await expect(hooks[0]?.(request, {})).rejects.toBe(refusal);
  });
});
