import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Patch,
  Post,
  Put,
  UseGuards,
} from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { RouteConfig } from '@nestjs/platform-fastify';
import { idMismatch, notFound, serviceUnavailable, tooManyRequests } from '../errors/api-error.js';
import { ApiTag } from '../http/api-tag.decorator.js';
import { ApiBodyErrors, ApiErrors } from '../errors/api-errors.decorator.js';
import { refuseOtherId, ResourceId } from '../http/resource-id.js';
import { type Client, RequestClient } from '../http/client.js';
import type { Precondition } from '../database/versions/precondition.js';
import { IfMatch } from '../http/conditional/conditional-requests.js';
import { Created } from '../http/created.decorator.js';
import { AuthRateLimitGuard } from '../limits/rate-limit.guard.js';
import { IdempotencyKey, type KeyedRequest } from '../idempotency/idempotency-key.decorator.js';
import { IdempotencyService } from '../idempotency/idempotency.service.js';
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
import { CreateUser, PatchUser, ReplaceUser } from './dto/user-body.dto.js';
import { UserResponse } from './dto/user-response.dto.js';
import { CurrentPasswordCheck } from './passwords/current-password.js';
import { PasswordChangeLimitService } from './passwords/password-change-limit.service.js';
import { RegistrationGuard } from './registration.guard.js';
import { lastAdministrator, nameTaken } from './user-errors.js';
import { passwordTooCommon } from '../passwords/common-passwords.service.js';
import { userFields } from './user-fields.js';
import { UserReplacementService } from './changes/user-replacement.service.js';
import { type Caller, UsersService } from './users.service.js';

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
    private readonly passwords: CurrentPasswordCheck,
    private readonly idempotency: IdempotencyService,
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
  create(
    @Body() body: CreateUser,
    @CurrentToken() token: Token | undefined,
    @RequestClient() client: Client,
    @IdempotencyKey() key: KeyedRequest | null,
  ): Promise<UserResponse> {
    const origin = { client, ...(token && { token }) };
    return this.idempotency.oncePrepared(key, {
      prepare: () => this.users.prepareRegistration(body, origin),
      write: async (prepared) => UserResponse.from(await this.users.add(prepared, origin)),
      confirm: ({ id }) => this.passwords.isPasswordOf(id, body.password, client),
      userOf: ({ id }) => id,
    });
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
  replace(
    @ResourceId() id: number,
    @Body() body: ReplaceUser,
    @CurrentToken() token: Token,
    @RequestClient() client: Client,
    @IfMatch() precondition: Precondition,
  ): Promise<UserResponse> {
    return this.change(id, body, { token, client }, precondition);
  }

  @Patch(':id')
  @OwnUserOrAdmin()
  @ApiOperation({
    summary: 'Change some fields of a user',
    description:
      'For the user and for administrators. With a password it obeys the rules of `PUT`.',
  })
  @ApiOkResponse({ type: UserResponse })
  @ApiBodyErrors(badBody)
  @ApiErrors(idMismatch, nameTaken, passwordTooCommon, notFound, serviceUnavailable)
  patch(
    @ResourceId() id: number,
    @Body() body: PatchUser,
    @CurrentToken() token: Token,
    @RequestClient() client: Client,
    @IfMatch() precondition: Precondition,
  ): Promise<UserResponse> {
    return this.change(id, body, { token, client }, precondition);
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
    @IfMatch() precondition: Precondition,
  ): Promise<void> {
    await this.users.remove(id, precondition, { token, client });
  }

  private async change(
    id: number,
    body: PatchUser,
    caller: Caller,
    precondition: Precondition,
  ): Promise<UserResponse> {
    refuseOtherId(id, body);
    if (body.password !== undefined) await this.changes.count(caller.token);
    return UserResponse.from(await this.replacement.change(id, body, caller, precondition));
  }
}
