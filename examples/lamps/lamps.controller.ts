import { Body, Controller, Get, Post } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { RequireToken } from '../../src/access/require-token.decorator.js';
import { ApiBodyErrors } from '../../src/errors/api-errors.decorator.js';
import { Created } from '../../src/http/created.decorator.js';
import { ListOf, ListParameters } from '../../src/lists/list.decorators.js';
import type { ListQuery } from '../../src/lists/list-query.js';
import { mapPage, type Page } from '../../src/lists/page.js';
import { IsHexColour, NOT_A_COLOUR, toHex, toNumber } from './is-hex-colour.decorator.js';
import type { Lamp } from './lamp.entity.js';
import { lampFields, LampsService } from './lamps.service.js';

class CreateLamp {
  @IsHexColour()
  colour: string;
}

class LampResponse {
  @ApiProperty({ type: 'integer', example: 1 })
  id: number;

  @ApiProperty({ example: '#ff8800' })
  colour: string;

  static from({ id, colour }: Lamp): LampResponse {
    return { id, colour: toHex(colour) };
  }
}

@Controller('api/lamps')
export class LampsController {
  constructor(private readonly lamps: LampsService) {}

  @Get()
  @RequireToken()
  @ListOf(LampResponse, { fields: lampFields })
  async list(@ListParameters(lampFields) query: ListQuery): Promise<Page<LampResponse>> {
    return mapPage(await this.lamps.list(query), (lamp) => LampResponse.from(lamp));
  }

  /** Requires an entry of the scope that `CrewHook` adds. */
  @Post()
  @RequireToken({ scope: { lamps: ['write'] } })
  @Created(LampResponse)
  @ApiBodyErrors({ colour: [NOT_A_COLOUR] })
  async create(@Body() { colour }: CreateLamp): Promise<LampResponse> {
    return LampResponse.from(await this.lamps.create(toNumber(colour)));
  }
}
