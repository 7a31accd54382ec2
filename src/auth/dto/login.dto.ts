import { IsText } from '../../common/validation.js';

/** What `POST /auth/login` takes. */
export class Login {
  @IsText({ example: 'user' })
  username: string;

  @IsText({ example: 'password' })
  password: string;
}
