import { ApiProperty } from '@nestjs/swagger';
import type { KnownUser } from '../user.repository.js';

/** The public data of a user. */
export class UserResponse {
  @ApiProperty({ type: 'integer', example: 1 })
  id: number;

  @ApiProperty({ example: 'user' })
  name: string;

  static from({ id, name }: Pick<KnownUser, 'id' | 'name'>): UserResponse {
    return { id, name };
  }
}

/** The data of a user that only the user sees. */
export class OwnUserResponse extends UserResponse {
  @ApiProperty({ format: 'uuid', example: '0b0b5a2e-6d0f-4b55-9f5c-4f1b8f3f5a11' })
  public_id: string;

  @ApiProperty({ example: false })
  admin: boolean;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T08:00:00.000Z' })
  created_at: string;

  static override from(user: KnownUser): OwnUserResponse {
    return {
      id: user.id,
      name: user.name,
      public_id: user.publicId,
      admin: user.admin,
      created_at: new Date(user.createdAt).toISOString(),
    };
  }
}
