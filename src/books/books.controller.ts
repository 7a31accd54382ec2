import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Put } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { idMismatch, notFound, serviceUnavailable } from '../errors/api-error.js';
import { ApiTag } from '../http/api-tag.decorator.js';
import { ApiBodyErrors, ApiErrors } from '../errors/api-errors.decorator.js';
import { refuseOtherId, ResourceId } from '../http/resource-id.js';
import type { Precondition } from '../database/versions/precondition.js';
import { IfMatch } from '../http/conditional/conditional-requests.js';
import { Created } from '../http/created.decorator.js';
import { IdempotencyKey, type KeyedRequest } from '../idempotency/idempotency-key.decorator.js';
import { IdempotencyService } from '../idempotency/idempotency.service.js';
import { ListOf, ListParameters } from '../lists/list.decorators.js';
import type { ListQuery } from '../lists/list-query.js';
import { mapPage, type Page } from '../lists/page.js';
import { RequireToken } from '../access/require-token.decorator.js';
import { bookExists, limitReached } from './book-errors.js';
import { bookFields } from './book-fields.js';
import { BooksService } from './books.service.js';
import { BookResponse } from './dto/book-response.dto.js';
import {
  bookChanges,
  bookValues,
  CreateBook,
  PatchBook,
  ReplaceBook,
} from './dto/book-body.dto.js';
import { OwnerId } from '../users/owner-id.decorator.js';

const badBody = { name: ['Missing data for required field.'] };

@ApiTag('Books', 'The books of the user whose token is sent.')
@Controller('api/books')
@RequireToken()
export class BooksController {
  constructor(
    private readonly books: BooksService,
    private readonly idempotency: IdempotencyService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List your books' })
  @ListOf(BookResponse, { fields: bookFields })
  async list(
    @OwnerId() ownerId: number,
    @ListParameters(bookFields) query: ListQuery,
  ): Promise<Page<BookResponse>> {
    return mapPage(await this.books.list(ownerId, query), (book) => BookResponse.from(book));
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get one of your books' })
  @ApiOkResponse({ type: BookResponse })
  @ApiErrors(notFound)
  async get(@OwnerId() ownerId: number, @ResourceId() id: number): Promise<BookResponse> {
    return BookResponse.from(await this.books.get(ownerId, id));
  }

  @Post()
  @ApiOperation({ summary: 'Add a book' })
  @Created(BookResponse)
  @ApiBodyErrors(badBody)
  @ApiErrors(bookExists, limitReached, serviceUnavailable)
  create(
    @OwnerId() ownerId: number,
    @Body() body: CreateBook,
    @IdempotencyKey() key: KeyedRequest | null,
  ): Promise<BookResponse> {
    return this.idempotency.once(key, async () =>
      BookResponse.from(await this.books.create(ownerId, bookValues(body))),
    );
  }

  @Put(':id')
  @ApiOperation({ summary: 'Replace one of your books' })
  @ApiOkResponse({ type: BookResponse })
  @ApiBodyErrors(badBody)
  @ApiErrors(idMismatch, notFound, bookExists, serviceUnavailable)
  async replace(
    @OwnerId() ownerId: number,
    @ResourceId() id: number,
    @Body() body: ReplaceBook,
    @IfMatch() precondition: Precondition,
  ): Promise<BookResponse> {
    refuseOtherId(id, body);
    const values = bookValues(body);
    return BookResponse.from(await this.books.replace(ownerId, id, values, precondition));
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change some fields of one of your books' })
  @ApiOkResponse({ type: BookResponse })
  @ApiBodyErrors(badBody)
  @ApiErrors(idMismatch, notFound, bookExists, serviceUnavailable)
  async patch(
    @OwnerId() ownerId: number,
    @ResourceId() id: number,
    @Body() body: PatchBook,
    @IfMatch() precondition: Precondition,
  ): Promise<BookResponse> {
    refuseOtherId(id, body);
    const values = bookChanges(body);
    return BookResponse.from(await this.books.patch(ownerId, id, values, precondition));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete one of your books' })
  @ApiNoContentResponse()
  @ApiErrors(notFound, serviceUnavailable)
  async remove(
    @OwnerId() ownerId: number,
    @ResourceId() id: number,
    @IfMatch() precondition: Precondition,
  ): Promise<void> {
    await this.books.remove(ownerId, id, precondition);
  }
}
