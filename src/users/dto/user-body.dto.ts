import { applyDecorators } from '@nestjs/common';
import { ApiProperty, PartialType } from '@nestjs/swagger';
import { IsString, MaxLength, MinLength } from 'class-validator';
import { Check, IsOwnId, KnownWhen, MayBeOmitted } from '../../validation/decorators.js';
import { messages } from '../../validation/messages.js';
import { codePoints, nfc } from '../../validation/values.js';
import { nameError } from '../user-name.js';

/** A new password. Its minimum length is the setting `PASSWORD_MIN_LENGTH`. */
export function IsPassword(): PropertyDecorator {
  return applyDecorators(
    IsString(),
    Check('isLongEnough', (value, { passwordMinLength: min }) =>
      codePoints(nfc(String(value))) < min ? messages.minLength(min) : null,
    ),
    MaxLength(128),
    ApiProperty({ format: 'password', example: 'a long way from home' }),
  );
}

/** The name of a user. */
function UserName(): PropertyDecorator {
  return applyDecorators(
    IsString(),
    MinLength(2),
    MaxLength(80),
    ApiProperty({
      example: 'luke',
      description:
        'Unique after Unicode NFC, ignoring case. No white space at the ends; no control, zero-width or bidirectional formatting characters.',
    }),
  );
}

/** The body of `POST /api/users`. */
export class CreateUser {
  @UserName()
  @Check('hasValidCharacters', (value) => nameError(nfc(String(value))))
  name: string;

  @IsPassword()
  password: string;
}

/** A new password without a name, from the command line. */
export class NewPassword {
  @IsPassword()
  password: string;
}

/**
 * The body of `PUT /api/users/:id`. It may repeat the id. Whether the characters of the name are
 * valid depends on the current name, so the service checks them.
 */
export class ReplaceUser {
  @UserName()
  name: string;

  @IsPassword()
  password: string;

  @KnownWhen(({ flaskCompat }) => !flaskCompat)
  @MayBeOmitted()
  @IsString()
  @ApiProperty({ example: 'password', description: 'Required if users change their own account.' })
  current_password?: string;

  @IsOwnId()
  id?: number;
}

/** The body of `PATCH /api/users/:id`: any of the fields of `PUT`. A name alone needs no password. */
export class PatchUser extends PartialType(ReplaceUser, { skipNullProperties: false }) {}
