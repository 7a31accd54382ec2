import { Controller, Delete, Get, HttpCode, Param } from '@nestjs/common';
import {
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { ApiError, notFound, serviceUnavailable } from '../common/api-error.js';
import { ApiErrors } from '../common/api-errors.js';
import { SessionRepository } from '../tokens/session.repository.js';
import { CurrentToken, RequireToken } from '../tokens/require-token.decorator.js';
import { Token } from '../tokens/token.js';
import { SessionResponse } from './dto/session-response.dto.js';

/** The sessions of whoever asks: another's cannot be told from one that is not there. */
@ApiTags('Authentication')
@Controller('auth/sessions')
@RequireToken()
export class SessionsController {
  constructor(private readonly sessions: SessionRepository) {}

  @Get()
  @ApiOperation({
    summary: 'List your sessions',
    description: 'Those that live, the one that was used last first; a thousand at most.',
  })
  @ApiOkResponse({ type: [SessionResponse] })
  async list(@CurrentToken() token: Token): Promise<SessionResponse[]> {
    const sessions = await this.sessions.listLive(token.subject);
    return sessions.map((session) => SessionResponse.from(session, token.sessionId));
  }

  @Delete(':session')
  @HttpCode(204)
  @ApiOperation({ summary: 'End one of your sessions' })
  @ApiParam({ name: 'session', schema: { type: 'string', format: 'uuid' } })
  @ApiNoContentResponse()
  @ApiErrors(notFound, serviceUnavailable)
  async end(@CurrentToken() token: Token, @Param('session') id: string): Promise<void> {
    if (!UUID.test(id) || !(await this.sessions.endOf(token.subject, id))) {
      throw new ApiError(notFound);
    }
  }

  @Delete()
  @HttpCode(204)
  @ApiOperation({ summary: 'End your sessions, all but the current one' })
  @ApiNoContentResponse()
  @ApiErrors(serviceUnavailable)
  async endOthers(@CurrentToken() token: Token): Promise<void> {
    await this.sessions.endAll(token.subject, token.sessionId);
  }
}

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
