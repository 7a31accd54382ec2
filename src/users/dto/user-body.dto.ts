import { IsOwnId, IsText } from '../../validation/validation.js';
import { problemOfName } from '../user-name.js';

export const IsPassword = () =>
  IsText({
    min: (config) => config.passwordMinLength,
    max: 128,
    format: 'password',
    example: 'a long way from home',
  });

const name = {
  min: 2,
  max: 80,
  example: 'luke',
  description:
    'Unique after Unicode NFC, whatever the case. No white space at the ends; no control, zero-width or bidirectional formatting characters.',
};

/** What `POST /api/users` takes. */
export class CreateUser {
  @IsText({ ...name, problem: problemOfName })
  name: string;

  @IsPassword()
  password: string;
}

/**
 * What `PUT /api/users/:id` takes: the same, and the id if a client repeats it. Whether the
 * characters of the name are allowed depends on the name so far, which the service knows.
 */
export class ReplaceUser {
  @IsText(name)
  name: string;

  @IsPassword()
  password: string;

  @IsText({
    when: ({ flaskCompat }) => !flaskCompat,
    optional: true,
    example: 'password',
    description: 'Required of users who change themselves.',
  })
  current_password?: string;

  @IsOwnId()
  id?: number;
}
