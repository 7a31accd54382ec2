import { ApiProperty } from '@nestjs/swagger';
import { IsString } from 'class-validator';
import { IsPassword } from '../../users/dto/user-body.dto.js';

/** The body of `POST /auth/password`. */
export class ChangePassword {
  @IsString()
  @ApiProperty({ example: 'password' })
  current_password: string;

  @IsPassword()
  new_password: string;
}
