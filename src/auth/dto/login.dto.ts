import { ApiProperty } from '@nestjs/swagger';
import { IsString, MinLength } from 'class-validator';

/** The body of `POST /auth/login`. Further fields are ignored. */
export class Login {
  @IsString()
  @MinLength(1)
  @ApiProperty({ example: 'user' })
  username: string;

  @IsString()
  @MinLength(1)
  @ApiProperty({ example: 'password' })
  password: string;
}
