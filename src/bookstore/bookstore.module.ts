import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { OpenApiModule } from '../openapi/openapi.module.js';
import { BooksModule } from '../books/books.module.js';
import { UsersModule } from '../users/users.module.js';
import { BasicStrategy } from './basic.strategy.js';
import { BookstoreDocumentService } from './bookstore-document.service.js';
import { BookstoreController } from './bookstore.controller.js';

@Module({
  imports: [AuthModule, OpenApiModule, UsersModule, BooksModule],
  controllers: [BookstoreController],
  providers: [BasicStrategy, BookstoreDocumentService],
})
export class BookstoreModule {}
