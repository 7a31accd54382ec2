import { IsText } from '../../validation/validation.js';

/** What `POST /auth/login` takes. Further fields are ignored. */
export class Login {
  @IsText({ min: 1, example: 'user' })
  username: string;

  @IsText({ min: 1, example: 'password' })
  password: string;
}
