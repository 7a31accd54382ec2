import { integer, type ListFields, text } from '../lists/list-field.js';
import { Book } from './book.entity.js';

/** The fields by which lists of books can be filtered and sorted. */
export const bookFields = {
  id: integer(),
  name: text({ normalized: true }),
  author: text({ normalized: true }),
  publisher: text({ normalized: true }),
  price: integer({ column: [Book, 'price'], nullable: true }),
} satisfies ListFields;
