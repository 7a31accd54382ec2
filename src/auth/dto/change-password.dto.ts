import { ApiProperty } from '@nestjs/swagger';
import { IsString } from 'class-validator';
import { IsPassword } from '../../users/dto/user-body.dto.js';

/** What `POST /auth/password` takes. */
export class ChangePassword {
  @IsString()
  @ApiProperty({ example: 'password' })
  current_password: string;

  @IsPassword()
  new_password: string;
}
