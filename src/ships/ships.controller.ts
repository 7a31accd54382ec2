import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Put } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { idMismatch, notFound, serviceUnavailable } from '../errors/api-error.js';
import { ApiTag } from '../http/api-tag.decorator.js';
import { ApiBodyErrors, ApiErrors } from '../errors/api-errors.decorator.js';
import { refuseOtherId, ResourceId } from '../http/resource-id.js';
import type { Precondition } from '../database/versions/precondition.js';
import { IfMatch } from '../http/conditional/conditional-requests.js';
import { Created } from '../http/created.decorator.js';
import { IdempotencyKey, type KeyedRequest } from '../idempotency/idempotency-key.decorator.js';
import { IdempotencyService } from '../idempotency/idempotency.service.js';
import { ListOf, ListParameters } from '../lists/list.decorators.js';
import type { ListQuery } from '../lists/list-query.js';
import { mapPage, type Page } from '../lists/page.js';
import { Public } from '../access/require-token.decorator.js';
import { changesOf, valuesOf } from '../validation/columns.js';
import { CreateShip, PatchShip, ReplaceShip } from './dto/ship-body.dto.js';
import { ShipResponse } from './dto/ship-response.dto.js';
import { Ship } from './ship.entity.js';
import { shipFields } from './ship-fields.js';
import { ShipsService } from './ships.service.js';

const badBody = { crew: ['Not a valid integer.'] };

@ApiTag('Ships', 'Reading ships needs no token, and changing them needs an access token.')
@Controller('api/ships')
export class ShipsController {
  constructor(
    private readonly ships: ShipsService,
    private readonly idempotency: IdempotencyService,
  ) {}

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
  create(
    @Body() body: CreateShip,
    @IdempotencyKey() key: KeyedRequest | null,
  ): Promise<ShipResponse> {
    return this.idempotency.once(key, async () =>
      ShipResponse.from(await this.ships.create(valuesOf(Ship, body))),
    );
  }

  @Put(':id')
  @ApiOperation({ summary: 'Replace a ship' })
  @ApiOkResponse({ type: ShipResponse })
  @ApiBodyErrors(badBody)
  @ApiErrors(idMismatch, notFound, serviceUnavailable)
  async replace(
    @ResourceId() id: number,
    @Body() body: ReplaceShip,
    @IfMatch() precondition: Precondition,
  ): Promise<ShipResponse> {
    refuseOtherId(id, body);
    const values = valuesOf(Ship, body);
    return ShipResponse.from(await this.ships.replace(id, values, precondition));
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change some fields of a ship' })
  @ApiOkResponse({ type: ShipResponse })
  @ApiBodyErrors(badBody)
  @ApiErrors(idMismatch, notFound, serviceUnavailable)
  async patch(
    @ResourceId() id: number,
    @Body() body: PatchShip,
    @IfMatch() precondition: Precondition,
  ): Promise<ShipResponse> {
    refuseOtherId(id, body);
    const values = changesOf(Ship, body);
    return ShipResponse.from(await this.ships.patch(id, values, precondition));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a ship' })
  @ApiNoContentResponse()
  @ApiErrors(notFound, serviceUnavailable)
  async remove(@ResourceId() id: number, @IfMatch() precondition: Precondition): Promise<void> {
    await this.ships.remove(id, precondition);
  }
}
