import { integer, type ListFields, text } from '../lists/list-field.js';

/** What lists of users can be filtered and sorted by. */
export const userFields = {
  id: integer(),
  name: text({ max: 80, normalized: true }),
} satisfies ListFields;
