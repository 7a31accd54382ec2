import { integer, type ListFields, text } from '../lists/list-field.js';

/** The fields by which lists of users can be filtered and sorted. */
export const userFields = {
  id: integer(),
  name: text({ max: 80, normalized: true }),
} satisfies ListFields;
