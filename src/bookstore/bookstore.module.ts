import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { BooksModule } from '../books/books.module.js';
import { UsersModule } from '../users/users.module.js';
import { BasicStrategy } from './basic.strategy.js';
import { BookstoreController } from './bookstore.controller.js';

@Module({
  imports: [AuthModule, UsersModule, BooksModule],
  controllers: [BookstoreController],
  providers: [BasicStrategy],
})
export class BookstoreModule {}
