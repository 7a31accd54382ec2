import { Body, Controller, Get, Module, Post, Query } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsEmail,
  IsEnum,
  IsInt,
  IsOptional,
  IsString,
  Max,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Public } from '../../../src/access/require-token.decorator.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

enum Kind {
  Fighter = 'fighter',
  Freighter = 'freighter',
}

class Engine {
  @IsString()
  maker: string;
}

class CreateDroid {
  @IsString()
  @MinLength(2)
  @ApiProperty({ example: 'r2-d2' })
  name: string;

  @IsInt()
  @Min(1)
  @Max(10)
  wheels: number;

  @IsBoolean()
  active: boolean;

  @IsEnum(Kind)
  kind: Kind;

  @IsOptional()
  @IsEmail()
  contact?: string;

  @ValidateNested({ each: true })
  @Type(() => Engine)
  engines: Engine[];
}

@Controller('droids')
class DroidsController {
  @Post()
  @Public()
  create(@Body() body: CreateDroid) {
    return { name: body.name, engines: body.engines.length };
  }
}

@Module({ controllers: [DroidsController] })
class DroidsModule {}

const droid = {
  ...{ name: 'r2-d2', wheels: 3, active: true, kind: 'fighter' },
  engines: [{ maker: 'Incom' }],
};

describe('A DTO with decorators of class-validator only', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp({}, { imports: [DroidsModule] });
  });
  afterAll(() => app.close());

  it('checks the body of a DTO with decorators of class-validator only, with the usual messages', async () => {
    const created = await app.send('POST', '/droids', { json: droid });
    expect([created.status, created.body]).toEqual([201, { name: 'r2-d2', engines: 1 }]);
    const json = { ...droid, name: 'x', wheels: 11, contact: 'none', engines: [{}], weapon: 1 };
    const refused = await app.send('POST', '/droids', { json });
    expect([refused.status, refused.body.message]).toEqual([
      400,
      {
        name: ['Shorter than minimum length 2.'],
        wheels: ['Must be less than or equal to 10.'],
        contact: ['Not a valid email address.'],
        'engines.0.maker': ['Missing data for required field.'],
        weapon: ['Unknown field.'],
      },
    ]);
  });

  it('derives the OpenAPI schema from the decorators of class-validator', async () => {
    const { body } = await app.get('/docs/openapi.json');
    const { schemas } = body.components as { schemas: Record<string, unknown> };
    expect(schemas.CreateDroid).toEqual({
      type: 'object',
      additionalProperties: false,
      properties: {
        name: { type: 'string', minLength: 2, example: 'r2-d2' },
        wheels: { type: 'integer', format: 'int32', minimum: 1, maximum: 10 },
        active: { type: 'boolean' },
        kind: { type: 'string', enum: ['fighter', 'freighter'] },
        contact: { oneOf: [{ type: 'string', format: 'email' }, { type: 'null' }] },
        engines: { type: 'array', items: { $ref: '#/components/schemas/Engine' } },
      },
      required: ['name', 'wheels', 'active', 'kind', 'engines'],
    });
    expect(schemas.Engine).toMatchObject({
      properties: { maker: { type: 'string' } },
      required: ['maker'],
    });
  });
});

class Undecorated {
  name: string;
}

class WithUntypedList {
  @ValidateNested({ each: true })
  items: object[];
}

interface AnInterface {
  name: string;
}

describe('Start-up checks of request bodies', () => {
  const startWith = async (controller: new () => object) => {
    @Module({ controllers: [controller] })
    class BadModule {}
    await (await bootApp({}, { imports: [BadModule] })).close();
  };

  it('refuses to start with a body whose class has no decorators', async () => {
    @Controller('bad')
    class BadController {
      @Post()
      @Public()
      create(@Body() body: Undecorated) {
        return body;
      }
    }
    await expect(startWith(BadController)).rejects.toThrow(
      'BadController.create: @Body() cannot be checked: Undecorated has no decorators of class-validator.',
    );
  });

  it('refuses to start with a body that has nested objects without a class', async () => {
    @Controller('bad')
    class BadController {
      @Post()
      @Public()
      create(@Body() body: WithUntypedList) {
        return body;
      }
    }
    await expect(startWith(BadController)).rejects.toThrow(
      'BadController.create: @Body() cannot be checked: WithUntypedList.items has @ValidateNested() and no @Type(() => …).',
    );
  });

  it('refuses to start with a body whose type is an interface', async () => {
    @Controller('bad')
    class BadController {
      @Post()
      @Public()
      create(@Body() body: AnInterface) {
        return body;
      }
    }
    await expect(startWith(BadController)).rejects.toThrow(
      'BadController.create: @Body() has no class whose decorators could check it',
    );
  });

  it('refuses to start with a query whose decorators would not be checked', async () => {
    @Controller('bad')
    class BadController {
      @Get()
      @Public()
      list(@Query() query: Engine) {
        return query;
      }
    }
    await expect(startWith(BadController)).rejects.toThrow(
      'BadController.list: @Query() has a class whose decorators are not checked',
    );
  });

  it('refuses to start with a parameter that takes one field of a body', async () => {
    @Controller('bad')
    class BadController {
      @Post()
      @Public()
      create(@Body('name') name: string) {
        return { name };
      }
    }
    await expect(startWith(BadController)).rejects.toThrow(
      'BadController.create: @Body() reads only the field "name"',
    );
  });
});
