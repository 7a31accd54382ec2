import type { OpenAPIObject } from '@nestjs/swagger';
import type { ErrorKind } from './common/api-error.js';
import { errorContent } from './common/api-errors.js';

export type OperationObject = NonNullable<OpenAPIObject['paths'][string]['get']>;

const METHODS = ['get', 'post', 'put', 'delete', 'patch'] as const;

/** Every operation of the document. */
export function operationsOf(document: Pick<OpenAPIObject, 'paths'>) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation ? [{ path, method, operation }] : [];
    }),
  );
}

/** Adds an error, with its example, to what an operation may answer. */
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
