import type { OpenAPIObject } from '@nestjs/swagger';
import { tutorialMessages } from '../bookstore/bookstore.decorators.js';
import { messages } from '../bookstore/bookstore-messages.js';
import { tooManyRequests } from '../errors/api-error.js';
import type { AppConfig } from '../config/app-config.js';
import { addError, type OperationObject, operationsOf } from './operations.js';
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
  { flaskCompat, registrationClosed: closed, bookstore }: AppConfig,
): void {
  const operation = operationFinder(document);
  const replace = operation('UsersController.replace');
  if (flaskCompat) {
    removeProperty(document.components?.schemas?.ReplaceUser, 'current_password');
    replace.description += ' A changed password ends the other sessions of the user.';
  } else {
    replace.description +=
      ' Users who change themselves send `current_password`. A changed password ends all sessions of the user, including that of the request.';
    for (const kind of [currentPasswordWrong, tooManyRequests]) addError(replace, kind);
  }
  if (closed) {
    const create = operation('UsersController.create');
    closeRegistration(create);
    // The session of the token may end while the password is hashed.
    addError(create, tokenRevoked);
  }
  if (!bookstore) return;
  if (!flaskCompat) {
    const { responses } = operation('BookstoreController.listUsers');
    responses[401] = tutorialMessages(messages.tokenMissing, messages.tokenInvalid);
    responses[403] = tutorialMessages(messages.administratorRequired);
  }
  if (closed) {
    const register = operation('BookstoreController.register');
    closeRegistration(register);
    register.responses[401] = tutorialMessages(messages.tokenInvalid);
    register.security?.unshift({ 'header.x-access-tokens': [] });
  }
}

function closeRegistration(registration: OperationObject): void {
  registration.description = 'For administrators: registration is closed.';
  registration.security = [{ access_token: [] }];
  addError(registration, registrationClosed);
}

function operationFinder(document: OpenAPIObject): (name: string) => OperationObject {
  const operations = new Map(
    operationsOf(document).map(({ operation }) => [operation.operationId, operation]),
  );
  return (name) => {
    const found = operations.get(name);
    if (!found) throw new Error(`The document has no operation ${name}.`);
    return found;
  };
}

function removeProperty(schema: Schema | undefined, name: string): void {
  if (schema && 'properties' in schema) delete schema.properties?.[name];
}
