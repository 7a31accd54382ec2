import type { OpenAPIObject } from '@nestjs/swagger';
import { tooManyRequests } from '../errors/api-error.js';
import type { AppConfig } from '../config/app-config.js';
import { addError, type OperationObject, operationNamed } from './operations.js';
import { tokenRevoked } from '../tokens/token-errors.js';
import { currentPasswordWrong, registrationClosed } from '../users/user-errors.js';

type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

/**
 * Documents the rules for users that depend on `FLASK_COMPAT` and `REGISTRATION`.
 *
 * @param document whose operation ids are still the names of the routes
 */
export function describeUserRules(
  document: OpenAPIObject,
  { flaskCompat, registrationClosed: closed }: AppConfig,
): void {
  for (const [method, body] of [
    ['replace', 'ReplaceUser'],
    ['patch', 'PatchUser'],
  ] as const) {
    const change = operationNamed(document, `UsersController.${method}`);
    if (flaskCompat) {
      removeProperty(document.components?.schemas?.[body], 'current_password');
      change.description += ' A changed password ends the other sessions of the user.';
    } else {
      change.description +=
        ' Users who change their own password send `current_password`. A changed password ends all sessions of the user, including that of the request.';
      for (const kind of [currentPasswordWrong, tooManyRequests]) addError(change, kind);
    }
  }
  if (closed) {
    const create = operationNamed(document, 'UsersController.create');
    describeClosedRegistration(create);
    // The session of the token may end while the password is hashed.
    addError(create, tokenRevoked);
  }
}

/** Documents that only an administrator may use the operation, because `REGISTRATION` is `closed`. */
export function describeClosedRegistration(registration: OperationObject): void {
  registration.description = 'For administrators: registration is closed.';
  registration.security = [{ access_token: [] }];
  addError(registration, registrationClosed);
}

function removeProperty(schema: Schema | undefined, name: string): void {
  if (schema && 'properties' in schema) delete schema.properties?.[name];
}
