import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentToken, RequireToken } from '../../access/require-token.decorator.js';
import { param } from '../../access/requirement.js';
import { ApiBodyErrors, ApiErrors } from '../../errors/api-errors.decorator.js';
import { notFound, serviceUnavailable } from '../../errors/api-error.js';
import { type Client, RequestClient } from '../../http/client.js';
import { ResourceId } from '../../http/resource-id.js';
import { Token } from '../../tokens/token.js';
import { messages } from '../../validation/messages.js';
import { lastAdministrator } from '../user-errors.js';
import { ReplaceRoles } from './dto/user-roles.dto.js';
import type { Role } from './roles.js';
import { roleNames } from './scope.js';
import { UserRolesService } from './user-roles.service.js';

/** Documents the response: the names of the user's roles, sorted. */
const ApiRoles = () =>
  ApiOkResponse({
    schema: { type: 'array', items: { type: 'string', enum: roleNames }, example: ['admin'] },
  });

@ApiTags('Users')
@Controller('api/users/:id/roles')
export class UserRolesController {
  constructor(private readonly roles: UserRolesService) {}

  @Get()
  @RequireToken({ scope: { admin: true }, override: { claims: { sub: param('id') } } })
  @ApiOperation({
    summary: 'List the roles of a user',
    description: 'For the user and for administrators.',
  })
  @ApiRoles()
  @ApiErrors(notFound)
  list(@ResourceId() id: number): Promise<Role[]> {
    return this.roles.get(id);
  }

  @Put()
  @RequireToken({ fresh: true, scope: { admin: true } })
  @ApiOperation({
    summary: 'Replace the roles of a user',
    description:
      'Only for administrators. If the roles change, the access tokens of the user expire at once. A refresh returns one with the new scope.',
  })
  @ApiRoles()
  @ApiBodyErrors({ roles: [messages.oneOf(roleNames)] })
  @ApiErrors(lastAdministrator, notFound, serviceUnavailable)
  replace(
    @ResourceId() id: number,
    @Body() { roles }: ReplaceRoles,
    @CurrentToken() token: Token,
    @RequestClient() client: Client,
  ): Promise<Role[]> {
    return this.roles.replace(id, roles, { token, client });
  }
}
