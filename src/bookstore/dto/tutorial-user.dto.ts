import { ApiProperty } from '@nestjs/swagger';
import type { KnownUser } from '../../users/user.repository.js';

export class TutorialUserResponse {
  @ApiProperty({ format: 'uuid', example: '0b0b5a2e-6d0f-4b55-9f5c-4f1b8f3f5a11' })
  public_id: string;

  @ApiProperty({ example: 'user' })
  name: string;

  @ApiProperty({ example: false })
  admin: boolean;

  static from({ publicId, name, admin }: KnownUser): TutorialUserResponse {
    return { public_id: publicId, name, admin };
  }
}

export class TutorialUsersResponse {
  @ApiProperty({
    type: [TutorialUserResponse],
    example: [{ public_id: '0b0b5a2e-6d0f-4b55-9f5c-4f1b8f3f5a11', name: 'user', admin: false }],
  })
  users: TutorialUserResponse[];
}
