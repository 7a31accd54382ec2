import { IsOwnId, IsText } from '../../common/validation.js';

export const IsPassword = () =>
  IsText({
    min: (config) => config.passwordMinLength,
    max: 128,
    format: 'password',
    example: 'a long way from home',
  });

/** What `POST /api/users` takes. */
export class CreateUser {
  @IsText({ min: 2, max: 80, example: 'luke', description: 'Unique, compared after Unicode NFC.' })
  name: string;

  @IsPassword()
  password: string;
}

/** What `PUT /api/users/:id` takes: the same, and the id if a client repeats it. */
export class ReplaceUser extends CreateUser {
  @IsOwnId()
  id?: number;
}
