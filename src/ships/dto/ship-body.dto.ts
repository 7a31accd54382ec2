import { applyDecorators } from '@nestjs/common';
import { ApiProperty, PartialType } from '@nestjs/swagger';
import { IsArray, IsInt, IsString, MaxLength, Min, MinLength } from 'class-validator';
import { FitsColumn, IsOwnId } from '../../validation/decorators.js';
import { Ship } from '../ship.entity.js';

/** Maximum number of code points in each text of a ship. Older ships may have longer texts. */
const MAX_LENGTH = 1000;

/** A text of a ship. */
function ShipText(example: string): PropertyDecorator {
  return applyDecorators(IsString(), MinLength(1), MaxLength(MAX_LENGTH), ApiProperty({ example }));
}

/** The body of `POST /api/ships`. */
export class CreateShip {
  @ShipText('Empire')
  affiliation: string;

  @ShipText('Capital Ships')
  category: string;

  @IsInt()
  @Min(1)
  @FitsColumn(Ship, 'crew')
  @ApiProperty({ example: 37085 })
  crew: number;

  @IsInt()
  @Min(1)
  @FitsColumn(Ship, 'length')
  @ApiProperty({ example: 1600, description: 'In metres.' })
  length: number;

  @ShipText('Kuat Drive Yards')
  manufacturer: string;

  @ShipText('Imperial I-class Star Destroyer')
  model: string;

  @IsArray()
  @IsString({ each: true })
  @MaxLength(MAX_LENGTH, { each: true })
  @ApiProperty({ example: ['Destroyer', 'Carrier'] })
  roles: string[];

  @ShipText('Star Destroyer')
  ship_class: string;
}

/** The body of `PUT /api/ships/:id`: as for `POST`, and it may repeat the id. */
export class ReplaceShip extends CreateShip {
  @IsOwnId()
  id?: number;
}

/** The body of `PATCH /api/ships/:id`: any of the fields of `PUT`. */
export class PatchShip extends PartialType(ReplaceShip, { skipNullProperties: false }) {}
