import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Reflector } from '@nestjs/core';
import { AppConfig } from '../../../src/config/app-config.js';
import { requirementOf } from '../../../src/access/route-requirements.service.js';
import { newSession } from '../../../src/sessions/session.repository.js';
import { type Claims, Token } from '../../../src/tokens/token.js';
import { SessionsController } from '../../../src/auth/sessions/sessions.controller.js';
import type { SessionsService } from '../../../src/auth/sessions/sessions.service.js';

const [own, other] = [
  '0b5f5b8e-0000-4000-8000-00000000000a',
  '1b5f5b8e-0000-4000-8000-000000000001',
];
const client = { ip: '192.0.2.7', agent: 'Firefox' };
const tokenOf = (fresh: boolean) =>
  new Token('a', { alg: 'HS256' }, { sub: '7', jti: 'jti', sid: own, fresh } as Claims);

describe('SessionsController', () => {
  const service = {
    list: jest.fn<SessionsService['list']>(),
    end: jest.fn<SessionsService['end']>(),
    endOthers: jest.fn<SessionsService['endOthers']>(),
  };
  const controller = new SessionsController(service as unknown as SessionsService);
  const codeOf = (promise: Promise<void>) =>
    promise.then(
      () => null,
      (error: { code: string }) => error.code,
    );

  beforeEach(() => {
    jest.resetAllMocks();
  });

  it('ends the session of the caller with any access token', async () => {
    const token = tokenOf(false);
    expect(await codeOf(controller.end(token, client, own))).toBeNull();
    expect(service.end.mock.calls).toEqual([[token, own, client]]);
  });

  it('ends another session with a fresh token only', async () => {
    const token = tokenOf(true);
    expect(await codeOf(controller.end(tokenOf(false), client, other))).toBe(
      'fresh_token_required',
    );
    expect(service.end).not.toHaveBeenCalled();
    expect(await codeOf(controller.end(token, client, other))).toBeNull();
    expect(service.end.mock.calls).toEqual([[token, other, client]]);
  });

  it.each([
    ...['x', '', `${other}0`, `0${other}`, other.toUpperCase(), `${own} `],
    ...[other.replaceAll('-', ''), other.slice(0, -5)],
  ])('does not search for a session whose id is not a UUID: "%s"', async (id) => {
    expect(await codeOf(controller.end(tokenOf(true), client, id))).toBe('not_found');
    expect(service.end).not.toHaveBeenCalled();
  });

  it('requires a fresh token before it checks that the id is a UUID', async () => {
    expect(await codeOf(controller.end(tokenOf(false), client, 'x'))).toBe('fresh_token_required');
  });

  it('lists the sessions, and marks that of the caller', async () => {
    const at = { createdAt: 0, expiresAt: 0 };
    const session = newSession({ ...at, subject: '7', agent: null, ip: null });
    service.list.mockResolvedValue([session, { ...session, id: own }]);
    const [token, caller] = [tokenOf(false), { group: 'user 7' }];
    const listed = await controller.list(token, caller);
    expect(service.list.mock.calls).toEqual([[token, caller]]);
    expect(listed.filter(({ current }) => current).map(({ id }) => id)).toEqual([own]);
    expect(listed).toHaveLength(2);
  });

  it('ends all other sessions', async () => {
    const token = tokenOf(true);
    await controller.endOthers(token, client);
    expect(service.endOthers.mock.calls).toEqual([[token, client]]);
  });

  it.each([
    ['list', {}],
    ['end', {}],
    ['endOthers', { fresh: true }],
  ] as const)('requires for %s a token with %j', (name, requirement) => {
    const handler = Reflect.get(SessionsController.prototype, name) as unknown as () => void;
    const target = [handler, SessionsController] as [() => void, typeof SessionsController];
    expect(requirementOf(new Reflector(), target, AppConfig.from({}))).toEqual(requirement);
  });
});
