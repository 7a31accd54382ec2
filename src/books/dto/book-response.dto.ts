import { ApiProperty } from '@nestjs/swagger';
import { orNull } from '../../validation/integer-column.js';
import type { Book } from '../book.entity.js';

export class BookResponse {
  @ApiProperty({ type: 'integer', example: 1 })
  id: number;

  @ApiProperty({ example: 'Heir to the Empire' })
  name: string;

  @ApiProperty({ example: 'Timothy Zahn' })
  author: string;

  @ApiProperty({ example: 'Bantam Spectra' })
  publisher: string;

  @ApiProperty({ ...orNull({ type: 'integer', format: 'int64' }), example: 15 })
  price: number | null;

  static from({ id, name, author, publisher, price }: Book): BookResponse {
    return { id, name, author, publisher, price };
  }
}
