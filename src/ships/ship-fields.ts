import { integer, type ListFields, text, textList } from '../lists/list-field.js';

/** What lists of ships can be filtered and sorted by. */
export const shipFields = {
  id: integer(),
  affiliation: text(),
  category: text(),
  crew: integer(),
  length: integer(),
  manufacturer: text(),
  model: text(),
  roles: textList(),
  ship_class: text({ property: 'shipClass' }),
} satisfies ListFields;
