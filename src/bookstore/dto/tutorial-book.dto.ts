import { ApiProperty } from '@nestjs/swagger';
import { Book } from '../../books/book.entity.js';
import { type CreateBook, MAX_LENGTH } from '../../books/dto/book-body.dto.js';
import { IsInteger, IsText, orNull } from '../../validation/validation.js';

/** What `POST /book` takes: a book, with the tutorial's names for what it holds. */
export class TutorialBook {
  @IsText({ min: 1, max: MAX_LENGTH, example: 'Heir to the Empire' })
  name: string;

  @IsText({ min: 1, max: MAX_LENGTH, example: 'Timothy Zahn' })
  Author: string;

  @IsText({ min: 1, max: MAX_LENGTH, example: 'Bantam Spectra' })
  Publisher: string;

  @IsInteger({ column: [Book, 'price'], min: 0, example: 15, nullable: true })
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
