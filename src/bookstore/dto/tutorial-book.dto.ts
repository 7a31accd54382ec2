import { ApiProperty } from '@nestjs/swagger';
import type { Book } from '../../books/book.entity.js';
import { BookPrice, BookText, type CreateBook } from '../../books/dto/book-body.dto.js';
import { orNull } from '../../validation/integer-column.js';

/** The body of `POST /book`: a book with the field names of the tutorial. */
export class TutorialBook {
  @BookText('Heir to the Empire')
  name: string;

  @BookText('Timothy Zahn')
  Author: string;

  @BookText('Bantam Spectra')
  Publisher: string;

  @BookPrice()
  book_prize: number | null;
}

export function bookOf({ name, Author, Publisher, book_prize }: TutorialBook): CreateBook {
  return { name, author: Author, publisher: Publisher, price: book_prize };
}

export class TutorialBookResponse {
  @ApiProperty({ type: 'integer', example: 1 })
  id: number;

  @ApiProperty({ example: 'Heir to the Empire' })
  name: string;

  @ApiProperty({ example: 'Timothy Zahn' })
  Author: string;

  @ApiProperty({ example: 'Bantam Spectra' })
  Publisher: string;

  @ApiProperty({ ...orNull({ type: 'integer', format: 'int64' }), example: 15 })
  book_prize: number | null;

  static from({ id, name, author, publisher, price }: Book): TutorialBookResponse {
    return { id, name, Author: author, Publisher: publisher, book_prize: price };
  }
}

export class TutorialBooksResponse {
  @ApiProperty({
    type: [TutorialBookResponse],
    example: [
      {
        id: 1,
        name: 'Heir to the Empire',
        Author: 'Timothy Zahn',
        Publisher: 'Bantam Spectra',
        book_prize: 15,
      },
    ],
  })
  list_of_books: TutorialBookResponse[];
}
