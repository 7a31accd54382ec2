import { ApiProperty } from '@nestjs/swagger';
import type { Ship } from '../ship.entity.js';

export class ShipResponse {
  @ApiProperty({ type: 'integer', example: 16 })
  id: number;

  @ApiProperty({ example: 'Empire' })
  affiliation: string;

  @ApiProperty({ example: 'Capital Ships' })
  category: string;

  @ApiProperty({ type: 'integer', format: 'int64', example: 37085 })
  crew: number;

  @ApiProperty({ type: 'integer', format: 'int64', example: 1600, description: 'In metres.' })
  length: number;

  @ApiProperty({ example: 'Kuat Drive Yards' })
  manufacturer: string;

  @ApiProperty({ example: 'Imperial I-class Star Destroyer' })
  model: string;

  @ApiProperty({ type: [String], example: ['Destroyer', 'Carrier'] })
  roles: string[];

  @ApiProperty({ example: 'Star Destroyer' })
  ship_class: string;

  static from(ship: Ship): ShipResponse {
    return {
      id: ship.id,
      affiliation: ship.affiliation,
      category: ship.category,
      crew: ship.crew,
      length: ship.length,
      manufacturer: ship.manufacturer,
      model: ship.model,
      roles: ship.roles,
      ship_class: ship.shipClass,
    };
  }
}
