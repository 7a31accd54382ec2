import { Controller, Get, Module, Post, type Type } from '@nestjs/common';
import { DiscoveryModule, RouterModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from '@jest/globals';
import { StartError } from '../../src/errors/start-error.js';
import { AppConfig } from '../../src/config/app-config.js';
import { NotRateLimited } from '../../src/access/not-rate-limited.decorator.js';
import { AccessBy, Public, RequireToken } from '../../src/access/require-token.decorator.js';
import { RouteRequirementsService } from '../../src/access/route-requirements.service.js';

@Controller(['crates', '/boxes/'])
class Crates {
  @Post()
  all() {}

  @Post([':id', 'by/:id'])
  @NotRateLimited()
  @RequireToken({ fresh: true })
  one() {}

  @Get('open')
  @Public()
  open() {}

  @Post('closed')
  @AccessBy(() => 'public')
  bySettings() {}

  helper() {}
}

@Controller()
@RequireToken({ type: 'refresh' })
class Root {
  @Post('root')
  root() {}
}

@Controller('nowhere')
@RequireToken({ in: [] })
class Nowhere {
  @Get()
  one() {}
}

@Controller('wrong')
class Wrong {
  @Get(':id')
  @RequireToken({ type: 'refresh', fresh: true, allowRotated: true, scope: { a: 1 } })
  one() {}

  @Get()
  @RequireToken({ in: [] })
  two() {}
}

async function requirementsOf(
  controllers: Type[],
  prefix?: string,
): Promise<RouteRequirementsService> {
  @Module({ controllers })
  class Routes {}

  const router =
    prefix === undefined ? [] : [RouterModule.register([{ path: prefix, module: Routes }])];
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule, Routes, ...router],
    providers: [RouteRequirementsService, { provide: AppConfig, useValue: AppConfig.from({}) }],
  }).compile();
  return module.get(RouteRequirementsService);
}

describe('RouteRequirementsService', () => {
  it('lists every route that is not public, with its paths', async () => {
    const requirements = await requirementsOf([Crates, Root]);
    const handlerOf = (target: Type, name: string) =>
      Reflect.get(target.prototype as object, name) as object;
    expect(requirements.list()).toEqual([
      {
        name: 'Crates.all',
        method: 'POST',
        paths: ['/crates', '/boxes'],
        requirement: {},
        handler: handlerOf(Crates, 'all'),
        rateLimited: true,
        writes: true,
      },
      {
        name: 'Crates.one',
        method: 'POST',
        paths: ['/crates/:id', '/crates/by/:id', '/boxes/:id', '/boxes/by/:id'],
        requirement: { fresh: true },
        handler: handlerOf(Crates, 'one'),
        rateLimited: false,
        writes: true,
      },
      {
        name: 'Root.root',
        method: 'POST',
        paths: ['/root'],
        requirement: { type: 'refresh' },
        handler: handlerOf(Root, 'root'),
        rateLimited: true,
        writes: true,
      },
    ]);
  });

  it('adds the prefix of RouterModule to the paths of a module', async () => {
    const requirements = await requirementsOf([Root], 'api');
    expect(requirements.list().map(({ paths }) => paths)).toEqual([['/api/root']]);
  });

  it('stops the start with a sentence for each requirement that no token can meet', async () => {
    const requirements = await requirementsOf([Wrong, Root]);
    const one = 'Wrong.one: @RequireToken()';
    expect(() => requirements.onModuleInit()).toThrow(
      new StartError(
        [
          `${one} requires a fresh refresh token, but only access tokens are fresh.`,
          `${one} requires a scope of a refresh token, but only access tokens have one.`,
          'Wrong.two: @RequireToken() names no place for the token: `in` is [].',
        ].join('\n'),
      ),
    );
  });

  it('stops the start for a single error', async () => {
    const requirements = await requirementsOf([Nowhere]);
    expect(() => requirements.onModuleInit()).toThrow(/^Nowhere\.one: /);
  });

  it('lets the service start if a token can meet every requirement', async () => {
    const requirements = await requirementsOf([Crates, Root]);
    expect(() => requirements.onModuleInit()).not.toThrow();
  });

  it('skips a controller that has no class', async () => {
    const requirements = await requirementsOf([Root]);
    const found = (requirements as unknown as { discovery: { getControllers: () => object[] } })
      .discovery;
    const controllers = found.getControllers();
    found.getControllers = () => [{ metatype: null }, ...controllers];
    expect(requirements.list()).toHaveLength(1);
    found.getControllers = () =>
      controllers.map((each) => ({ ...each, metatype: Root, host: undefined }));
    expect(requirements.list().map(({ paths }) => paths)).toEqual([['/root']]);
  });
});
