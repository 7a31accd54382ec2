import { ApiProperty } from '@nestjs/swagger';
import { IsArray, IsIn } from 'class-validator';
import type { Role } from '../roles.js';
import { roleNames } from '../scope.js';

/** The body of `PUT /api/users/:id/roles`. */
export class ReplaceRoles {
  @IsArray()
  @IsIn(roleNames, { each: true })
  @ApiProperty({ items: { type: 'string', enum: roleNames }, example: ['admin'] })
  roles: Role[];
}
