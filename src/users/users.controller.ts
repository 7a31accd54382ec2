import { Body, Controller, Delete, Get, HttpCode, Post, Put, UseGuards } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { RouteConfig } from '@nestjs/platform-fastify';
import { idMismatch, notFound, serviceUnavailable, tooManyRequests } from '../errors/api-error.js';
import { ApiTag } from '../http/api-tag.decorator.js';
import { ApiBodyErrors, ApiErrors } from '../errors/api-errors.decorator.js';
import { refuseOtherId, ResourceId } from '../http/resource-id.js';
import { type Client, RequestClient } from '../http/client.js';
import { Created } from '../http/created.decorator.js';
import { AuthRateLimitGuard } from '../limits/rate-limit.guard.js';
import { ListOf, ListParameters } from '../lists/list.decorators.js';
import type { ListQuery } from '../lists/list-query.js';
import { mapPage, type Page } from '../lists/page.js';
import {
  AccessBy,
  CurrentToken,
  Public,
  PUBLIC,
  RequireToken,
} from '../access/require-token.decorator.js';
import { param } from '../access/requirement.js';
import { Token } from '../tokens/token.js';
import { CreateUser, ReplaceUser } from './dto/user-body.dto.js';
import { UserResponse } from './dto/user-response.dto.js';
import { PasswordChangeLimitService } from './passwords/password-change-limit.service.js';
import { RegistrationGuard } from './registration.guard.js';
import { lastAdministrator, nameTaken } from './user-errors.js';
import { passwordTooCommon } from '../passwords/common-passwords.service.js';
import { userFields } from './user-fields.js';
import { UserReplacementService } from './user-replacement.service.js';
import { UsersService } from './users.service.js';

/** Allows the user and administrators, with a token that comes from a login. */
const OwnUserOrAdmin = () =>
  RequireToken({
    fresh: true,
    claims: { sub: param('id') },
    override: { scope: { admin: true } },
  });

const badBody = { name: ['Missing data for required field.'] };

@ApiTag('Users', 'Register, and read, change and delete users.')
@Controller('api/users')
export class UsersController {
  constructor(
    private readonly users: UsersService,
    private readonly changes: PasswordChangeLimitService,
    private readonly replacement: UserReplacementService,
  ) {}

  @Get()
  @AccessBy(({ flaskCompat }) => (flaskCompat ? PUBLIC : { scope: { admin: true } }))
  @ApiOperation({ summary: 'List users' })
  @ListOf(UserResponse, { fields: userFields })
  async list(@ListParameters(userFields) query: ListQuery): Promise<Page<UserResponse>> {
    return mapPage(await this.users.list(query), (user) => UserResponse.from(user));
  }

  @Get(':id')
  @AccessBy(({ flaskCompat }) =>
    // The error is `scope_required` for every id, so that it does not reveal which users exist.
    flaskCompat ? PUBLIC : { scope: { admin: true }, override: { claims: { sub: param('id') } } },
  )
  @ApiOperation({ summary: 'Get a user' })
  @ApiOkResponse({ type: UserResponse })
  @ApiErrors(notFound)
  async get(@ResourceId() id: number): Promise<UserResponse> {
    return UserResponse.from(await this.users.get(id));
  }

  @Post()
  @Public()
  @RouteConfig({ registration: RegistrationGuard })
  @UseGuards(RegistrationGuard, AuthRateLimitGuard)
  @ApiOperation({ summary: 'Register a user' })
  @Created(UserResponse)
  @ApiBodyErrors(badBody)
  @ApiErrors(nameTaken, passwordTooCommon, tooManyRequests, serviceUnavailable)
  async create(
    @Body() body: CreateUser,
    @CurrentToken() token: Token | undefined,
    @RequestClient() client: Client,
  ): Promise<UserResponse> {
    return UserResponse.from(await this.users.register(body, { client, ...(token && { token }) }));
  }

  @Put(':id')
  @OwnUserOrAdmin()
  @ApiOperation({
    summary: 'Replace a user',
    description: 'For the user and for administrators.',
  })
  @ApiOkResponse({ type: UserResponse })
  @ApiBodyErrors(badBody)
  @ApiErrors(idMismatch, nameTaken, passwordTooCommon, notFound, serviceUnavailable)
  async replace(
    @ResourceId() id: number,
    @Body() body: ReplaceUser,
    @CurrentToken() token: Token,
    @RequestClient() client: Client,
  ): Promise<UserResponse> {
    refuseOtherId(id, body);
    await this.changes.count(token);
    return UserResponse.from(await this.replacement.replace(id, body, { token, client }));
  }

  @Delete(':id')
  @HttpCode(204)
  @OwnUserOrAdmin()
  @ApiOperation({
    summary: 'Delete a user',
    description: 'For the user and for administrators. All sessions of the user end.',
  })
  @ApiNoContentResponse()
  @ApiErrors(lastAdministrator, notFound, serviceUnavailable)
  async remove(
    @ResourceId() id: number,
    @CurrentToken() token: Token,
    @RequestClient() client: Client,
  ): Promise<void> {
    await this.users.remove(id, { token, client });
  }
}
