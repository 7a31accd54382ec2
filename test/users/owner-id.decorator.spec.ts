import type { ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/internal';
import { describe, expect, it } from '@jest/globals';
import { type Claims, Token } from '../../src/tokens/token.js';
import { OwnerId, ownerOf } from '../../src/users/owner-id.decorator.js';

describe('OwnerId and ownerOf', () => {
  it('passes the owner to a handler as a parameter', () => {
    class Routes {
      list(@OwnerId() _ownerId: number) {}
    }
    const [argument] = Object.values(
      Reflect.getMetadata(ROUTE_ARGS_METADATA, Routes, 'list') as Record<
        string,
        { factory: (data: unknown, context: ExecutionContext) => unknown }
      >,
    );
    const token = new Token('', { alg: 'HS256' }, { sub: '7' } as Claims);
    const context = { switchToHttp: () => ({ getRequest: () => ({ token }) }) };
    expect(argument!.factory(undefined, context as unknown as ExecutionContext)).toBe(7);
  });

  const ownerOfSubject = (sub: string) => () =>
    ownerOf(new Token('', { alg: 'HS256' }, { sub } as Claims));

  it('returns the user of the token', () => {
    expect(ownerOfSubject('7')()).toBe(7);
  });

  it.each(['service', '', '07', '2147483648'])(
    'refuses the token as revoked if its subject is %j',
    (subject) => {
      const revoked = expect.objectContaining({ code: 'token_revoked' });
      expect(ownerOfSubject(subject)).toThrow(revoked);
    },
  );
});
