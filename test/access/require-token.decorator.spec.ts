import type { ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/internal';
import { Reflector } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { AppConfig } from '../../src/config/app-config.js';
import {
  AccessBy,
  CurrentToken,
  Public,
  RequireToken,
} from '../../src/access/require-token.decorator.js';
import { requirementOf } from '../../src/access/route-requirements.service.js';

class Plain {
  plain() {}

  @Public()
  open() {}

  @RequireToken({ fresh: true })
  fresh() {}

  @RequireToken()
  any() {}

  @AccessBy(({ production }) => (production ? { scope: { admin: true } } : 'public'))
  bySettings() {}

  current(@CurrentToken() _token: unknown) {}
}

@RequireToken({ type: 'refresh' })
class Decorated extends Plain {}

describe('The decorators of a route', () => {
  const config = AppConfig.from({});
  const accessOf = (controller: typeof Plain, name: keyof Plain, by = config) => {
    const handler = Reflect.get(Plain.prototype, name) as unknown as () => void;
    return requirementOf(new Reflector(), [handler, controller], by);
  };

  it('requires any access token at a route without a decorator', () => {
    expect(accessOf(Plain, 'plain')).toEqual({});
  });

  it('prefers the decorator of the handler to that of the controller', () => {
    expect(accessOf(Plain, 'open')).toBe('public');
    expect(accessOf(Plain, 'fresh')).toEqual({ fresh: true });
    expect(accessOf(Decorated, 'plain')).toEqual({ type: 'refresh' });
    expect(accessOf(Decorated, 'open')).toBe('public');
    expect(accessOf(Decorated, 'fresh')).toEqual({ fresh: true });
    expect(accessOf(Decorated, 'any')).toEqual({});
  });

  it('decides by the settings with @AccessBy()', () => {
    const open = Object.assign(Object.create(config) as AppConfig, { production: false });
    const closed = Object.assign(Object.create(config) as AppConfig, { production: true });
    expect(accessOf(Plain, 'bySettings', open)).toBe('public');
    expect(accessOf(Plain, 'bySettings', closed)).toEqual({ scope: { admin: true } });
  });

  it('refuses two decorators on one handler or on one controller', () => {
    const method = () => {
      class Twice {
        @Public()
        @RequireToken()
        handler() {}
      }
      return Twice;
    };
    const controller = () => {
      @Public()
      @RequireToken()
      class Twice {}
      return Twice;
    };
    const enough = 'use only one of @RequireToken(), @Public() and @AccessBy().';
    expect(method).toThrow(new Error(`Twice.handler: ${enough}`));
    expect(controller).toThrow(new Error(`Twice: ${enough}`));
  });

  it('passes the accepted token to a handler with @CurrentToken()', () => {
    const [argument] = Object.values(
      Reflect.getMetadata(ROUTE_ARGS_METADATA, Plain, 'current') as Record<
        string,
        { factory: (data: unknown, context: ExecutionContext) => unknown }
      >,
    );
    const context = { switchToHttp: () => ({ getRequest: () => ({ token: 'the token' }) }) };
    expect(argument!.factory(undefined, context as unknown as ExecutionContext)).toBe('the token');
  });
});
