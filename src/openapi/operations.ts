import type { OpenAPIObject } from '@nestjs/swagger';
import type { ErrorKind } from '../errors/api-error.js';
import { ERROR_SCHEMA, errorContent } from '../errors/api-errors.decorator.js';
import { SAFE_METHODS } from '../access/token-cookies.service.js';

export type OperationObject = NonNullable<OpenAPIObject['paths'][string]['get']>;

/** Every operation of the document, and whether it may change something. */
export function operationsOf(document: Pick<OpenAPIObject, 'paths'>) {
  return Object.values(document.paths).flatMap((item) =>
    Object.entries(item).flatMap(([method, operation]) =>
      isOperation(operation)
        ? [{ operation, changes: !SAFE_METHODS.includes(method.toUpperCase()) }]
        : [],
    ),
  );
}

/**
 * @param name of the route, such as `UsersController.list`, while it is still the operation id
 * @throws Error if the document has no such operation
 */
export function operationNamed(document: OpenAPIObject, name: string): OperationObject {
  const found = operationsOf(document).find(({ operation }) => operation.operationId === name);
  if (!found) throw new Error(`The document has no operation ${name}.`);
  return found.operation;
}

/** A path item may have other members, such as a summary. */
function isOperation(member: unknown): member is OperationObject {
  return typeof member === 'object' && member !== null && 'responses' in member;
}

/** Whether an operation has a response of that status with another shape than `ErrorResponse`. */
export function hasOwnErrorResponse({ responses }: OperationObject, status: number): boolean {
  const known = responses[status];
  if (!known || '$ref' in known) return false;
  const schema = known.content?.['application/json']?.schema;
  return !schema || !('$ref' in schema) || schema.$ref !== ERROR_SCHEMA;
}

/** Adds an error, with an example, to the responses of an operation. */
export function addError(operation: OperationObject, kind: ErrorKind): void {
  const known = operation.responses[kind.status];
  if (known && '$ref' in known) return;
  const content = errorContent([kind])['application/json'];
  const examples = { ...known?.content?.['application/json']?.examples, ...content.examples };
  operation.responses[kind.status] = {
    description: '',
    ...known,
    content: { 'application/json': { ...content, examples } },
  };
}

/** Adds a sentence to the description of an operation. */
export function appendDescription(operation: OperationObject, text: string): void {
  operation.description = [operation.description, text].filter(Boolean).join(' ');
}
