import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  type NestInterceptor,
  Query,
  SetMetadata,
  UseInterceptors,
} from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { map, type Observable, of } from 'rxjs';
import { AfterHandler } from '../../src/http/after-handler.decorator.js';

/** As in the Nest documentation: it changes the response of a handler. */
class Wrap implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler<unknown>) {
    const note: unknown = Reflect.getMetadata('note', context.getHandler());
    return next.handle().pipe(map((data) => ({ data, note })));
  }
}

const Doubled = () =>
  AfterHandler<number>((result, reply) => {
    void reply.header('x-result', result);
    return result * 2;
  });

@Controller()
@UseInterceptors(Wrap)
class Numbers {
  private readonly offset = 1;

  @Get('number')
  @Doubled()
  @SetMetadata('note', 'set before')
  number(@Query('n') n: string): number {
    return Number(n) + this.offset;
  }

  @SetMetadata('note', 'set after')
  @Doubled()
  @Doubled()
  @Get('promise')
  promise(): Promise<number> {
    return Promise.resolve(5);
  }

  @Doubled()
  @Get('observable')
  observable(): Observable<number> {
    return of(6);
  }

  @Get('error')
  @Doubled()
  error(): number {
    throw new TypeError('no number');
  }
}

describe('AfterHandler', () => {
  let app: NestFastifyApplication;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ controllers: [Numbers] }).compile();
    const options = { logger: false } as const;
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), options);
    await app.init();
  });
  afterAll(() => app.close());

  const get = async (url: string) => {
    const { headers, statusCode, json } = await app.inject({ url });
    return { status: statusCode, result: headers['x-result'], body: json<unknown>() };
  };

  it('changes what a handler returns, before the interceptors, and keeps metadata', async () => {
    expect(await get('/number?n=3')).toEqual({
      status: 200,
      result: '4',
      body: { data: 8, note: 'set before' },
    });
  });

  it('changes what the promise of a handler resolves to, as often as it is used', async () => {
    expect(await get('/promise')).toEqual({
      status: 200,
      result: '10',
      body: { data: 20, note: 'set after' },
    });
  });

  it('changes what an observable emits', async () => {
    expect(await get('/observable')).toMatchObject({ result: '6', body: { data: 12 } });
  });

  it('leaves errors to the filters', async () => {
    expect(await get('/error')).toMatchObject({ status: 500, result: undefined });
  });

  it('changes nothing if a test calls the method', () => {
    expect(new Numbers().number('3')).toBe(4);
    expect(Numbers.prototype.number.name).toBe('number');
  });
});
