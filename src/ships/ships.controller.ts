import { Body, Controller, Delete, Get, HttpCode, Post, Put, Req, Res } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { idMismatch, notFound, serviceUnavailable } from '../errors/api-error.js';
import { ApiTag } from '../http/api-tag.decorator.js';
import { ApiBodyErrors, ApiErrors } from '../errors/api-errors.decorator.js';
import { refuseOtherId, ResourceId } from '../http/resource-id.js';
import { locationHeader, setLocation } from '../http/links.js';
import { ListOf, ListParameters } from '../lists/list.decorators.js';
import type { ListQuery } from '../lists/list-query.js';
import { mapPage, type Page } from '../lists/page.js';
import { Public, RequireToken } from '../access/require-token.decorator.js';
import { CreateShip, newShip, ReplaceShip } from './dto/ship-body.dto.js';
import { ShipResponse } from './dto/ship-response.dto.js';
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
  @RequireToken()
  @ApiOperation({ summary: 'Add a ship' })
  @ApiCreatedResponse({ type: ShipResponse, headers: locationHeader })
  @ApiBodyErrors(badBody)
  @ApiErrors(serviceUnavailable)
  async create(
    @Body() body: CreateShip,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ShipResponse> {
    const ship = await this.ships.create(newShip(body));
    setLocation(request, reply, `/api/ships/${ship.id}`);
    return ShipResponse.from(ship);
  }

  @Put(':id')
  @RequireToken()
  @ApiOperation({ summary: 'Replace a ship' })
  @ApiOkResponse({ type: ShipResponse })
  @ApiBodyErrors(badBody)
  @ApiErrors(idMismatch, notFound, serviceUnavailable)
  async replace(@ResourceId() id: number, @Body() body: ReplaceShip): Promise<ShipResponse> {
    refuseOtherId(id, body);
    return ShipResponse.from(await this.ships.replace(id, newShip(body)));
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireToken()
  @ApiOperation({ summary: 'Delete a ship' })
  @ApiNoContentResponse()
  @ApiErrors(notFound, serviceUnavailable)
  async remove(@ResourceId() id: number): Promise<void> {
    await this.ships.remove(id);
  }
}
