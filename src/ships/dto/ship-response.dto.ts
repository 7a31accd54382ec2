import { example, ResponseOf } from '../../http/response-of.js';
import { Ship } from '../ship.entity.js';

export class ShipResponse extends ResponseOf(Ship, {
  id: 16,
  affiliation: 'Empire',
  category: 'Capital Ships',
  crew: 37085,
  length: example(1600, 'In metres.'),
  manufacturer: 'Kuat Drive Yards',
  model: 'Imperial I-class Star Destroyer',
  roles: ['Destroyer', 'Carrier'],
  ship_class: 'Star Destroyer',
}) {}
