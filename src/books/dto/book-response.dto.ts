import { ResponseOf } from '../../http/response-of.js';
import { Book } from '../book.entity.js';

export class BookResponse extends ResponseOf(Book, {
  id: 1,
  name: 'Heir to the Empire',
  author: 'Timothy Zahn',
  publisher: 'Bantam Spectra',
  price: 15,
}) {}
