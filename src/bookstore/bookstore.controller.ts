import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Post,
  Req,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { AuthService } from '../auth/auth.service.js';
import { bookExists } from '../books/book-errors.js';
import { BooksService } from '../books/books.service.js';
import { bookValues } from '../books/dto/book-body.dto.js';
import { OwnerId } from '../users/owner-id.decorator.js';
import { serviceUnavailable, tooManyRequests } from '../errors/api-error.js';
import { ApiBodyErrors, ApiErrors } from '../errors/api-errors.decorator.js';
import { NO_PRECONDITION } from '../database/versions/precondition.js';
import { AppConfig } from '../config/app-config.js';
import { ResourceId } from '../http/resource-id.js';
import { type Client, RequestClient } from '../http/client.js';
import { AuthRateLimitGuard } from '../limits/rate-limit.guard.js';
import { ListOf, ListParameters } from '../lists/list.decorators.js';
import type { ListQuery } from '../lists/list-query.js';
import { mapPage, type Page } from '../lists/page.js';
import { MAX_LIMIT } from '../lists/parse-list-query.js';
import {
  AccessBy,
  CurrentToken,
  Public,
  PUBLIC,
  RequireToken,
} from '../access/require-token.decorator.js';
import { Token } from '../tokens/token.js';
import { CreateUser } from '../users/dto/user-body.dto.js';
import { nameTaken } from '../users/user-errors.js';
import { passwordTooCommon } from '../passwords/common-passwords.service.js';
import { type AuthenticatedUser, UsersService } from '../users/users.service.js';
import { BasicAuthGuard } from './basic-auth.guard.js';
import { ApiRefusedLogin, ApiRefusedToken, ApiTutorialMessage } from './bookstore.decorators.js';
import { BookstoreErrorFilter } from './bookstore-error.filter.js';
import { ApiTag } from '../http/api-tag.decorator.js';
import { BOOKSTORE_TAG, tooManyBooks, messages } from './bookstore-messages.js';
import { TutorialTokenResponse, MessageResponse } from './dto/tutorial-answers.dto.js';
import {
  bookOf,
  TutorialBook,
  TutorialBookResponse,
  TutorialBooksResponse,
} from './dto/tutorial-book.dto.js';
import { TutorialUserResponse, TutorialUsersResponse } from './dto/tutorial-user.dto.js';
import { TutorialRegistrationGuard } from './tutorial-registration.guard.js';

const TUTORIAL_TOKEN = { header: 'x-access-tokens' };
const TutorialToken = () => RequireToken(TUTORIAL_TOKEN);

const badBody = { name: ['Missing data for required field.'] };

/**
 * The routes of the bookstore tutorial, with its paths, bodies and messages. The users, sessions
 * and books are the same as everywhere else. The tutorial has no pages, so a list holds as many
 * items as a page may.
 */
@ApiTag(BOOKSTORE_TAG.name, BOOKSTORE_TAG.description)
@Controller()
@UseFilters(BookstoreErrorFilter)
export class BookstoreController {
  constructor(
    private readonly auth: AuthService,
    private readonly users: UsersService,
    private readonly books: BooksService,
    private readonly config: AppConfig,
  ) {}

  @Post('register')
  @HttpCode(200)
  @Public()
  @RouteConfig({ registration: TutorialRegistrationGuard })
  @UseGuards(TutorialRegistrationGuard, AuthRateLimitGuard)
  @ApiOperation({ summary: 'Register' })
  @ApiTutorialMessage(200, messages.registered)
  @ApiBodyErrors(badBody)
  @ApiErrors(nameTaken, passwordTooCommon, tooManyRequests, serviceUnavailable)
  async register(
    @Body() body: CreateUser,
    @CurrentToken() token: Token | undefined,
    @RequestClient() client: Client,
  ): Promise<MessageResponse> {
    await this.users.register(body, { client, ...(token && { token }) });
    return { message: messages.registered };
  }

  @Post('login')
  @HttpCode(200)
  @Public()
  @UseGuards(AuthRateLimitGuard, BasicAuthGuard)
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'Log in by HTTP Basic',
    description:
      'Opens a session and returns its only token, which is valid for 45 minutes or for `JWT_ACCESS_TOKEN_EXPIRES`, if that is set and shorter. The token is always in the body, whatever `TOKEN_COOKIES` is.',
  })
  @ApiOkResponse({ type: TutorialTokenResponse })
  @ApiRefusedLogin()
  @ApiErrors(tooManyRequests, serviceUnavailable)
  async login(
    @Req() { user }: FastifyRequest & { user: AuthenticatedUser },
    @RequestClient() client: Client,
  ): Promise<TutorialTokenResponse> {
    const token = await this.auth.loginWithoutRefresh(user, client, {
      lifetime: this.config.bookstore.tokenLifetime,
      claims: { public_id: user.publicId },
    });
    return { token: token.signed };
  }

  @Get('users')
  @AccessBy(({ flaskCompat }) =>
    flaskCompat ? PUBLIC : { ...TUTORIAL_TOKEN, scope: { admin: true } },
  )
  @ApiOperation({ summary: 'List users' })
  @ListOf(TutorialUsersResponse, { fields: {}, defaultLimit: MAX_LIMIT, member: 'users' })
  async listUsers(
    @ListParameters({}, MAX_LIMIT) query: ListQuery,
  ): Promise<Page<TutorialUserResponse>> {
    return mapPage(await this.users.list(query), (user) => TutorialUserResponse.from(user));
  }

  @Post('book')
  @HttpCode(200)
  @TutorialToken()
  @ApiRefusedToken()
  @ApiOperation({ summary: 'Add a book' })
  @ApiTutorialMessage(200, messages.added)
  @ApiBodyErrors(badBody)
  @ApiErrors(bookExists, tooManyBooks, serviceUnavailable)
  async addBook(@OwnerId() ownerId: number, @Body() body: TutorialBook): Promise<MessageResponse> {
    await this.books.create(ownerId, bookValues(bookOf(body)));
    return { message: messages.added };
  }

  @Get('books')
  @TutorialToken()
  @ApiRefusedToken()
  @ApiOperation({ summary: 'List your books' })
  @ListOf(TutorialBooksResponse, { fields: {}, defaultLimit: MAX_LIMIT, member: 'list_of_books' })
  async listBooks(
    @OwnerId() ownerId: number,
    @ListParameters({}, MAX_LIMIT) query: ListQuery,
  ): Promise<Page<TutorialBookResponse>> {
    return mapPage(await this.books.list(ownerId, query), (book) =>
      TutorialBookResponse.from(book),
    );
  }

  @Delete('books/:id')
  @TutorialToken()
  @ApiRefusedToken()
  @ApiOperation({ summary: 'Delete one of your books' })
  @ApiTutorialMessage(200, messages.deleted)
  @ApiTutorialMessage(404, messages.noBook)
  @ApiErrors(serviceUnavailable)
  async removeBook(@OwnerId() ownerId: number, @ResourceId() id: number): Promise<MessageResponse> {
    await this.books.remove(ownerId, id, NO_PRECONDITION);
    return { message: messages.deleted };
  }
}
