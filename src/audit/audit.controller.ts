import { Controller, Get } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { ApiTag } from '../http/api-tag.decorator.js';
import { ListOf, ListParameters } from '../lists/list.decorators.js';
import type { ListQuery } from '../lists/list-query.js';
import { mapPage, type Page } from '../lists/page.js';
import { RequireToken } from '../access/require-token.decorator.js';
import { auditFields } from './audit-fields.js';
import { AuditService } from './audit.service.js';
import { AuditEntryResponse } from './dto/audit-entry-response.dto.js';

@ApiTag('Audit', 'The events of accounts, for administrators.')
@Controller('api/audit')
@RequireToken({ scope: { admin: true } })
export class AuditController {
  constructor(private readonly trail: AuditService) {}

  @Get()
  @ApiOperation({
    summary: 'Read the audit trail',
    description: 'Only for administrators. With `sort=-id`, the latest entries come first.',
  })
  @ListOf(AuditEntryResponse, { fields: auditFields })
  async list(@ListParameters(auditFields) query: ListQuery): Promise<Page<AuditEntryResponse>> {
    return mapPage(await this.trail.list(query), (entry) => AuditEntryResponse.from(entry));
  }
}
