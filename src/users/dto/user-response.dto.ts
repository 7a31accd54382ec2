import { ApiProperty } from '@nestjs/swagger';
import { withVersion } from '../../http/conditional/conditional-requests.js';
import type { Role } from '../roles/roles.js';
import { roleNames } from '../roles/scope.js';
import type { KnownUser } from '../user.repository.js';

/** The public data of a user. */
export class UserResponse {
  @ApiProperty({ type: 'integer', example: 1 })
  id: number;

  @ApiProperty({ example: 'user' })
  name: string;

  static from(user: Pick<KnownUser, 'id' | 'name' | 'version'>): UserResponse {
    return withVersion({ id: user.id, name: user.name }, user);
  }
}

/** The data of a user that only the user sees. */
export class OwnUserResponse extends UserResponse {
  @ApiProperty({ format: 'uuid', example: '0b0b5a2e-6d0f-4b55-9f5c-4f1b8f3f5a11' })
  public_id: string;

  @ApiProperty({ example: false })
  admin: boolean;

  @ApiProperty({
    type: 'array',
    items: { type: 'string', enum: roleNames },
    description: 'The names of the roles, sorted.',
    example: [],
  })
  roles: Role[];

  @ApiProperty({ format: 'date-time', example: '2026-11-22T08:00:00.000Z' })
  created_at: string;

  static override from(user: KnownUser & { roles: Role[] }): OwnUserResponse {
    return {
      id: user.id,
      name: user.name,
      public_id: user.publicId,
      admin: user.roles.includes('admin'),
      roles: user.roles,
      created_at: new Date(user.createdAt).toISOString(),
    };
  }
}
