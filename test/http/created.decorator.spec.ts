import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { INTERCEPTORS_METADATA } from '@nestjs/common/constants.js';
import { lastValueFrom, of } from 'rxjs';
import { describe, expect, it, jest } from '@jest/globals';
import { Created } from '../../src/http/created.decorator.js';

class CrewResponse {
  id: number;
}

class CrewsController {
  @Created(CrewResponse)
  create(): CrewResponse {
    return { id: 5 };
  }
}

const { create } = Object.getOwnPropertyDescriptors(CrewsController.prototype);
const [interceptor] = Reflect.getMetadata(
  INTERCEPTORS_METADATA,
  create.value as object,
) as NestInterceptor[];

/** The header that a response to a request gets, with the representation that was sent. */
async function locationOf(url: string, route: string | undefined) {
  const header = jest.fn();
  const request = {
    url,
    routeOptions: { url: route },
    server: { linkBase: () => 'https://crates.example' },
  };
  const http = {
    getRequest: () => request,
    getResponse: () => ({ header, hasHeader: () => false }),
  };
  const context = { switchToHttp: () => http } as unknown as ExecutionContext;
  const next: CallHandler = { handle: () => of({ id: 5, name: 'Rogue' }) };
  const sent: unknown = await lastValueFrom(await interceptor!.intercept(context, next));
  return [header.mock.calls, sent];
}

describe('@Created', () => {
  it('sets Location to the path of the route and the id, and sends the representation', async () => {
    expect(await locationOf('/api/%63rews?x=1', '/api/crews')).toEqual([
      [['location', 'https://crates.example/api/crews/5']],
      { id: 5, name: 'Rogue' },
    ]);
  });

  it.each(['/api/crates/:crate/items', undefined])(
    'uses the path of the request if the route %s has parameters or is unknown',
    async (route) => {
      const [calls] = await locationOf('/api/crates/7/items', route);
      expect(calls).toEqual([['location', 'https://crates.example/api/crates/7/items/5']]);
    },
  );
});
