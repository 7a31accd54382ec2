import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsInt, IsString, MaxLength, Min, MinLength } from 'class-validator';
import { FitsColumn, IsOwnId, MayBeNull, MayBeOmitted } from '../../validation/decorators.js';
import { nfc } from '../../validation/values.js';
import { Book } from '../book.entity.js';
import type { BookValues } from '../book.repository.js';

/** Code points of each text of a book. */
const MAX_LENGTH = 255;

/** A text of a book. */
export function BookText(example: string): PropertyDecorator {
  return applyDecorators(IsString(), MinLength(1), MaxLength(MAX_LENGTH), ApiProperty({ example }));
}

/** The price of a book, which may be unknown. */
export function BookPrice(): PropertyDecorator {
  return applyDecorators(
    MayBeNull(),
    IsInt(),
    Min(0),
    FitsColumn(Book, 'price'),
    ApiProperty({ example: 15 }),
  );
}

/** What `POST /api/books` takes. */
export class CreateBook {
  @BookText('Heir to the Empire')
  name: string;

  @BookText('Timothy Zahn')
  author: string;

  @BookText('Bantam Spectra')
  publisher: string;

  @BookPrice()
  @MayBeOmitted()
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
