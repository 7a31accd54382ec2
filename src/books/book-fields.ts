import { integer, type ListFields, text } from '../lists/list-field.js';

/** What lists of books can be filtered and sorted by. */
export const bookFields = {
  id: integer(),
  name: text({ normalized: true }),
  author: text({ normalized: true }),
  publisher: text({ normalized: true }),
  price: integer({ nullable: true }),
} satisfies ListFields;
