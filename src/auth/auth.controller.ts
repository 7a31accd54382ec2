import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Post,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import { ApiBody, ApiExtraModels, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { serviceUnavailable, tooManyRequests } from '../errors/api-error.js';
import { ApiTag } from '../http/api-tag.decorator.js';
import { ApiBodyErrors, ApiErrors } from '../errors/api-errors.decorator.js';
import { type Client, RequestClient } from '../http/client.js';
import { AuthRateLimitGuard } from '../limits/rate-limit.guard.js';
import { NotRateLimited } from '../access/not-rate-limited.decorator.js';
import { CurrentToken, Public, RequireToken } from '../access/require-token.decorator.js';
import { SET_COOKIE_HEADER, TokenCookiesService } from '../access/token-cookies.service.js';
import { Token } from '../tokens/token.js';
import { OwnUserResponse } from '../users/dto/user-response.dto.js';
import { UserRolesService } from '../users/roles/user-roles.service.js';
import { PasswordChangeLimitService } from '../users/passwords/password-change-limit.service.js';
import { currentPasswordWrong } from '../users/user-errors.js';
import { passwordTooCommon } from '../passwords/common-passwords.service.js';
import type { AuthenticatedUser } from '../users/users.service.js';
import { credentialsInvalid, credentialsMissing } from './auth-errors.js';
import { AuthService } from './auth.service.js';
import { CredentialsService } from './credentials.service.js';
import { ChangePassword } from './dto/change-password.dto.js';
import { Login } from './dto/login.dto.js';
import { TokenInfoResponse } from './dto/token-info-response.dto.js';
import { AccessTokenResponse, LoginResponse, LogoutResponse } from './dto/tokens-response.dto.js';
import { LocalAuthGuard } from './local-auth.guard.js';
import { RefreshService } from './sessions/refresh.service.js';
import { SessionsService } from './sessions/sessions.service.js';
import { TokenResponseService } from './token-response.service.js';

@ApiTag(
  'Authentication',
  'Log in, refresh tokens, log out, and list and end sessions. Start with `POST /auth/login`.',
)
@Controller('auth')
export class AuthController {
  constructor(
    private readonly auth: AuthService,
    private readonly roles: UserRolesService,
    private readonly refreshes: RefreshService,
    private readonly credentials: CredentialsService,
    private readonly sessions: SessionsService,
    private readonly cookies: TokenCookiesService,
    private readonly responses: TokenResponseService,
    private readonly changes: PasswordChangeLimitService,
  ) {}

  @Post('login')
  @HttpCode(200)
  @Public()
  @UseGuards(AuthRateLimitGuard, LocalAuthGuard)
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Log in', description: 'Opens a session and returns its tokens.' })
  @ApiBody({ type: Login })
  @ApiOkResponse({ type: LoginResponse, headers: SET_COOKIE_HEADER })
  @ApiBodyErrors({ username: ['Not a valid string.'] })
  @ApiErrors(credentialsMissing, credentialsInvalid, tooManyRequests, serviceUnavailable)
  async login(
    @Req() request: FastifyRequest & { user: AuthenticatedUser },
    @RequestClient() client: Client,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LoginResponse> {
    return this.responses.forNewSession(
      request,
      reply,
      await this.auth.login(request.user, client),
    );
  }

  @Post('refresh')
  @HttpCode(200)
  @RequireToken({ type: 'refresh', allowRotated: true, refreshCookie: true })
  @NotRateLimited()
  @ApiOperation({
    summary: 'Get new tokens',
    description:
      'Rotates the refresh token. If a rotated token is sent again within `REFRESH_GRACE`, from the same address range or once from another range with the same user agent, the response has the same successor, up to fifty times. Any other reuse ends the session.',
  })
  @ApiOkResponse({ type: LoginResponse, headers: SET_COOKIE_HEADER })
  @ApiExtraModels(AccessTokenResponse)
  @ApiErrors(tooManyRequests, serviceUnavailable)
  async refresh(
    @CurrentToken() token: Token,
    @RequestClient() client: Client,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AccessTokenResponse | LoginResponse> {
    const refreshed = await this.refreshes.refresh(token, client);
    return this.responses.forRefresh(request, reply, refreshed, token);
  }

  @Delete('logout')
  @RequireToken()
  @NotRateLimited()
  @ApiOperation({
    summary: 'Revoke the access token',
    description:
      'Revokes the access token of the request. The refresh token of its session stays valid.',
  })
  @ApiOkResponse({ type: LogoutResponse, headers: SET_COOKIE_HEADER })
  @ApiErrors(serviceUnavailable)
  async logout(
    @CurrentToken() token: Token,
    @RequestClient() client: Client,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LogoutResponse> {
    await this.sessions.logout(token, client);
    this.cookies.clear(request, reply);
    return new LogoutResponse();
  }

  @Delete('logout2')
  @RequireToken({ type: 'refresh', allowRotated: true, refreshCookie: true })
  @NotRateLimited()
  @ApiOperation({
    summary: 'End the session',
    description:
      'Ends the session of the refresh token in the request, even if that token was already rotated. All tokens of the session are revoked.',
  })
  @ApiOkResponse({ type: LogoutResponse, headers: SET_COOKIE_HEADER })
  @ApiErrors(serviceUnavailable)
  async endSession(
    @CurrentToken() token: Token,
    @RequestClient() client: Client,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LogoutResponse> {
    await this.sessions.endCurrent(token, client);
    this.cookies.clear(request, reply);
    return new LogoutResponse();
  }

  @Get('me')
  @RequireToken()
  @ApiOperation({ summary: 'Get the user of the token' })
  @ApiOkResponse({ type: OwnUserResponse })
  async me(@CurrentToken() token: Token): Promise<OwnUserResponse> {
    const user = await this.auth.currentUser(token);
    return OwnUserResponse.from({ ...user, roles: await this.roles.find(user.id) });
  }

  @Post('password')
  @HttpCode(200)
  @RequireToken({ fresh: true })
  @ApiOperation({
    summary: 'Change your password',
    description:
      'Opens a new session and returns its tokens. Every earlier session ends, including the current one. The fifth wrong current password in a session ends that session.',
  })
  @ApiOkResponse({ type: LoginResponse, headers: SET_COOKIE_HEADER })
  @ApiBodyErrors({ new_password: ['Longer than maximum length 128.'] })
  @ApiErrors(currentPasswordWrong, passwordTooCommon, tooManyRequests, serviceUnavailable)
  async changePassword(
    @Body() body: ChangePassword,
    @CurrentToken() token: Token,
    @RequestClient() client: Client,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LoginResponse> {
    await this.changes.count(token);
    const user = await this.auth.currentUser(token);
    const passwords = { current: body.current_password, next: body.new_password };
    const changed = await this.credentials.changePassword(user, passwords, token, client);
    return this.responses.forNewSession(request, reply, changed);
  }

  @Get('token')
  @RequireToken()
  @ApiOperation({ summary: 'Read the token of the request' })
  @ApiOkResponse({ type: TokenInfoResponse })
  token(@CurrentToken() token: Token, @Req() request: FastifyRequest): TokenInfoResponse {
    return this.responses.describe(request, token);
  }
}
