import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { linkHeader, linkNext } from '../http/links.js';
import { ApiListParameters, ListParameters } from '../lists/list.decorators.js';
import type { ListQuery } from '../lists/list-query.js';
import { RequireToken } from '../access/require-token.decorator.js';
import { auditFields } from './audit-fields.js';
import { AuditTrail } from './audit-trail.js';
import { AuditEntryResponse } from './dto/audit-entry-response.dto.js';

@ApiTags('Audit')
@Controller('api/audit')
@RequireToken({ scope: { admin: true } })
export class AuditController {
  constructor(private readonly trail: AuditTrail) {}

  @Get()
  @ApiOperation({
    summary: 'Read the audit trail',
    description: 'For administrators. The latest come first with `sort=-id`.',
  })
  @ApiListParameters(auditFields)
  @ApiOkResponse({ type: [AuditEntryResponse], headers: linkHeader })
  async list(
    @ListParameters(auditFields) query: ListQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AuditEntryResponse[]> {
    const page = await this.trail.list(query);
    linkNext(request, reply, page);
    return page.rows.map((entry) => AuditEntryResponse.from(entry));
  }
}
