import { IsInteger, IsOwnId, IsText, IsTextList } from '../../validation/validation.js';
import { Ship } from '../ship.entity.js';

/**
 * Of each text of a ship, in code points. Ships from before this limit may have longer texts, which
 * are still read.
 */
const MAX_LENGTH = 1000;

/** What `POST /api/ships` takes. */
export class CreateShip {
  @IsText({ min: 1, max: MAX_LENGTH, example: 'Empire' })
  affiliation: string;

  @IsText({ min: 1, max: MAX_LENGTH, example: 'Capital Ships' })
  category: string;

  @IsInteger({ column: [Ship, 'crew'], min: 1, example: 37085 })
  crew: number;

  @IsInteger({ column: [Ship, 'length'], min: 1, example: 1600, description: 'In metres.' })
  length: number;

  @IsText({ min: 1, max: MAX_LENGTH, example: 'Kuat Drive Yards' })
  manufacturer: string;

  @IsText({ min: 1, max: MAX_LENGTH, example: 'Imperial I-class Star Destroyer' })
  model: string;

  @IsTextList({ max: MAX_LENGTH, example: ['Destroyer', 'Carrier'] })
  roles: string[];

  @IsText({ min: 1, max: MAX_LENGTH, example: 'Star Destroyer' })
  ship_class: string;
}

/** What `PUT /api/ships/:id` takes: the same, and the id if a client repeats it. */
export class ReplaceShip extends CreateShip {
  @IsOwnId()
  id?: number;
}

/** The body without its id: the path's is the one that counts. */
export function newShip(body: CreateShip): Omit<Ship, 'id'> {
  return {
    affiliation: body.affiliation,
    category: body.category,
    crew: body.crew,
    length: body.length,
    manufacturer: body.manufacturer,
    model: body.model,
    roles: body.roles,
    shipClass: body.ship_class,
  };
}
