import { Controller, Get, Header, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorBody, type ErrorKind, errorBody } from '../errors/api-error.js';
import { ApiTag } from '../http/api-tag.decorator.js';
import { ApiErrors } from '../errors/api-errors.decorator.js';
import { Public } from '../access/require-token.decorator.js';
import { CHECKS, type Check, FAILURES, ReadinessService } from './readiness.service.js';

const notReady: ErrorKind = {
  status: 503,
  code: 'not_ready',
  message: { database: [FAILURES.database] },
};

class LiveResponse {
  @ApiProperty({ enum: ['ok'], example: 'ok' })
  status: 'ok';
}

class ReadyResponse extends LiveResponse {
  @ApiProperty({
    description: 'The name of each check, and `ok`.',
    type: 'object',
    additionalProperties: { type: 'string', enum: ['ok'] },
    example: { shutting_down: 'ok', database: 'ok', migrations: 'ok' },
  })
  checks: Record<Check, 'ok'>;
}

/** For load balancers and supervisors. */
@ApiTag('Health', 'For load balancers and supervisors. Needs no token.')
@Controller('health')
export class HealthController {
  constructor(private readonly readiness: ReadinessService) {}

  @Get('live')
  @Public()
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'Ask whether the process runs',
    description: 'Does not check the database, because a restart would not repair it.',
  })
  @ApiOkResponse({ type: LiveResponse })
  live(): LiveResponse {
    return { status: 'ok' };
  }

  /** The 503 is sent and not thrown, so that the log does not repeat it every second. */
  @Get('ready')
  @Public()
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'Ask whether this instance takes requests',
    description:
      'If not, `message` names each check that failed: `shutting_down`, `database`, `migrations`.',
  })
  @ApiOkResponse({ type: ReadyResponse })
  @ApiErrors(notReady)
  async ready(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ReadyResponse | ErrorBody> {
    const message = await this.readiness.failedChecks();
    if (Object.keys(message).length === 0) {
      const checks = Object.fromEntries(CHECKS.map((check) => [check, 'ok']));
      return { status: 'ok', checks: checks as Record<Check, 'ok'> };
    }
    reply.status(503).header('retry-after', '1');
    return { ...errorBody(notReady, message), request_id: request.id };
  }
}
