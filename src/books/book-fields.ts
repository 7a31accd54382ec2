import { listFields } from '../lists/list-fields.js';
import { Book } from './book.entity.js';

/** The fields by which lists of books can be filtered and sorted. */
export const bookFields = listFields(Book, ['id', 'name', 'author', 'publisher', 'price'], {
  normalized: true,
});
