import { IsText } from '../../validation/validation.js';
import { IsPassword } from '../../users/dto/user-body.dto.js';

/** What `POST /auth/password` takes. */
export class ChangePassword {
  @IsText({ example: 'password' })
  current_password: string;

  @IsPassword()
  new_password: string;
}
