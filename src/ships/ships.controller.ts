import { Body, Controller, Delete, Get, HttpCode, Post, Put } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { idMismatch, notFound, serviceUnavailable } from '../errors/api-error.js';
import { ApiTag } from '../http/api-tag.decorator.js';
import { ApiBodyErrors, ApiErrors } from '../errors/api-errors.decorator.js';
import { refuseOtherId, ResourceId } from '../http/resource-id.js';
import { Created } from '../http/created.decorator.js';
import { ListOf, ListParameters } from '../lists/list.decorators.js';
import type { ListQuery } from '../lists/list-query.js';
import { mapPage, type Page } from '../lists/page.js';
import { Public } from '../access/require-token.decorator.js';
import { valuesOf } from '../validation/columns.js';
import { CreateShip, ReplaceShip } from './dto/ship-body.dto.js';
import { ShipResponse } from './dto/ship-response.dto.js';
import { Ship } from './ship.entity.js';
import { shipFields } from './ship-fields.js';
import { ShipsService } from './ships.service.js';

const badBody = { crew: ['Not a valid integer.'] };

@ApiTag('Ships', 'Reading ships needs no token, and changing them needs an access token.')
@Controller('api/ships')
export class ShipsController {
  constructor(private readonly ships: ShipsService) {}

  @Get()
  @Public()
  @ApiOperation({ summary: 'List ships' })
  @ListOf(ShipResponse, { fields: shipFields })
  async list(@ListParameters(shipFields) query: ListQuery): Promise<Page<ShipResponse>> {
    return mapPage(await this.ships.list(query), (ship) => ShipResponse.from(ship));
  }

  @Get(':id')
  @Public()
  @ApiOperation({ summary: 'Get a ship' })
  @ApiOkResponse({ type: ShipResponse })
  @ApiErrors(notFound)
  async get(@ResourceId() id: number): Promise<ShipResponse> {
    return ShipResponse.from(await this.ships.get(id));
  }

  @Post()
  @ApiOperation({ summary: 'Add a ship' })
  @Created(ShipResponse)
  @ApiBodyErrors(badBody)
  @ApiErrors(serviceUnavailable)
  async create(@Body() body: CreateShip): Promise<ShipResponse> {
    return ShipResponse.from(await this.ships.create(valuesOf(Ship, body)));
  }

  @Put(':id')
  @ApiOperation({ summary: 'Replace a ship' })
  @ApiOkResponse({ type: ShipResponse })
  @ApiBodyErrors(badBody)
  @ApiErrors(idMismatch, notFound, serviceUnavailable)
  async replace(@ResourceId() id: number, @Body() body: ReplaceShip): Promise<ShipResponse> {
    refuseOtherId(id, body);
    return ShipResponse.from(await this.ships.replace(id, valuesOf(Ship, body)));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a ship' })
  @ApiNoContentResponse()
  @ApiErrors(notFound, serviceUnavailable)
  async remove(@ResourceId() id: number): Promise<void> {
    await this.ships.remove(id);
  }
}
