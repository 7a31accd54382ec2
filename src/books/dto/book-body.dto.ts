import { IsInteger, IsOwnId, IsText } from '../../validation/validation.js';
import { nfc } from '../../validation/values.js';
import { Book } from '../book.entity.js';
import type { BookValues } from '../book.repository.js';

/** Of each text of a book, in code points. */
export const MAX_LENGTH = 255;

/** What `POST /api/books` takes. */
export class CreateBook {
  @IsText({ min: 1, max: MAX_LENGTH, example: 'Heir to the Empire' })
  name: string;

  @IsText({ min: 1, max: MAX_LENGTH, example: 'Timothy Zahn' })
  author: string;

  @IsText({ min: 1, max: MAX_LENGTH, example: 'Bantam Spectra' })
  publisher: string;

  @IsInteger({ column: [Book, 'price'], min: 0, example: 15, optional: true, nullable: true })
  price?: number | null;
}

/** What `PUT /api/books/:id` takes: the same, and the id if a client repeats it. */
export class ReplaceBook extends CreateBook {
  @IsOwnId()
  id?: number;
}

/**
 * The body without its id: the path's is the one that counts. Texts in Unicode NFC, so that two
 * books that look the same are the same.
 */
export function bookValues({ name, author, publisher, price = null }: CreateBook): BookValues {
  return { name: nfc(name), author: nfc(author), publisher: nfc(publisher), price };
}
