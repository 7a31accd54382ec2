import { applyDecorators } from '@nestjs/common';
import { ApiProperty, PartialType } from '@nestjs/swagger';
import { IsInt, IsString, MaxLength, Min, MinLength } from 'class-validator';
import { FitsColumn, IsOwnId, MayBeNull, MayBeOmitted } from '../../validation/decorators.js';
import { changesOf } from '../../validation/columns.js';
import { nfcTexts } from '../../validation/values.js';
import { Book } from '../book.entity.js';
import type { BookValues } from '../book.repository.js';

/** Maximum number of code points in each text of a book. */
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

/** The body of `POST /api/books`. */
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

/** The body of `PUT /api/books/:id`: as for `POST`, and it may repeat the id. */
export class ReplaceBook extends CreateBook {
  @IsOwnId()
  id?: number;
}

/** The body of `PATCH /api/books/:id`: any of the fields of `PUT`. */
export class PatchBook extends PartialType(ReplaceBook, { skipNullProperties: false }) {}

/**
 * The values of a body, without the id, because the id of the path counts. Texts are in Unicode
 * NFC, so that two books that look the same are the same.
 */
export function bookValues({ name, author, publisher, price = null }: CreateBook): BookValues {
  return nfcTexts({ name, author, publisher, price });
}

/** The values that a body of `PATCH` names, as `bookValues`. */
export function bookChanges(body: PatchBook): Partial<BookValues> {
  return nfcTexts(changesOf(Book, body));
}
