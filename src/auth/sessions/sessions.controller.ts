import { Controller, Delete, Get, HttpCode, Param } from '@nestjs/common';
import {
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { ApiError, notFound, serviceUnavailable, tooManyRequests } from '../../errors/api-error.js';
import { ApiErrors } from '../../errors/api-errors.decorator.js';
import { type Client, RequestClient } from '../../http/client.js';
import { NotRateLimited } from '../../access/not-rate-limited.decorator.js';
import type { ReadCaller } from '../../database/select.js';
import { RequestCaller } from '../../access/caller.js';
import { CurrentToken, RequireToken } from '../../access/require-token.decorator.js';
import { freshTokenRequired, TokenError } from '../../tokens/token-errors.js';
import { Token } from '../../tokens/token.js';
import { SessionResponse } from './session-response.dto.js';
import { SessionsService } from './sessions.service.js';

@ApiTags('Authentication')
@Controller('auth/sessions')
@RequireToken()
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  @Get()
  @ApiOperation({
    summary: 'List your sessions',
    description:
      'Lists up to 1,000 active sessions, the most recently used first. The order is exact to the hour.',
  })
  @ApiOkResponse({ type: [SessionResponse] })
  @ApiErrors(tooManyRequests)
  async list(
    @CurrentToken() token: Token,
    @RequestCaller() caller: ReadCaller,
  ): Promise<SessionResponse[]> {
    const sessions = await this.sessions.list(token, caller);
    return SessionResponse.listFrom(sessions, token.sessionId);
  }

  @Delete(':session')
  @NotRateLimited()
  @HttpCode(204)
  @ApiOperation({
    summary: 'End one of your sessions',
    description:
      'Ends the session of the token. To end another session, the access token has to come from a login.',
  })
  @ApiParam({
    name: 'session',
    description: 'The `id` of a session.',
    schema: { type: 'string', format: 'uuid' },
  })
  @ApiNoContentResponse()
  @ApiErrors(freshTokenRequired, notFound, serviceUnavailable)
  async end(
    @CurrentToken() token: Token,
    @RequestClient() client: Client,
    @Param('session') id: string,
  ): Promise<void> {
    const isOwn = id === token.sessionId;
    if (!isOwn && !token.fresh) throw new TokenError(freshTokenRequired, `of ${token.subject}`);
    if (!UUID.test(id)) throw new ApiError(notFound);
    await this.sessions.end(token, id, client);
  }

  @Delete()
  @NotRateLimited()
  @HttpCode(204)
  @RequireToken({ fresh: true })
  @ApiOperation({
    summary: 'End all your sessions except the current one',
  })
  @ApiNoContentResponse()
  @ApiErrors(tooManyRequests, serviceUnavailable)
  async endOthers(@CurrentToken() token: Token, @RequestClient() client: Client): Promise<void> {
    await this.sessions.endOthers(token, client);
  }
}

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
