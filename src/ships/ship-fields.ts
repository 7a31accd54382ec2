import { integer, type ListFields, text, textList } from '../lists/list-field.js';
import { Ship } from './ship.entity.js';

/** The fields by which lists of ships can be filtered and sorted. */
export const shipFields = {
  id: integer(),
  affiliation: text(),
  category: text(),
  crew: integer({ column: [Ship, 'crew'] }),
  length: integer({ column: [Ship, 'length'] }),
  manufacturer: text(),
  model: text(),
  roles: textList(),
  ship_class: text({ property: 'shipClass' }),
} satisfies ListFields;
