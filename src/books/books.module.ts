import { Module } from '@nestjs/common';
import { UsersModule } from '../users/users.module.js';
import { BookRepository } from './book.repository.js';
import { BooksController } from './books.controller.js';
import { BooksService } from './books.service.js';

@Module({
  imports: [UsersModule],
  controllers: [BooksController],
  providers: [BooksService, BookRepository],
  exports: [BooksService],
})
export class BooksModule {}
