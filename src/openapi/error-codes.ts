import type { OpenAPIObject } from '@nestjs/swagger';
import * as authErrors from '../auth/auth-errors.js';
import * as passwordErrors from '../passwords/common-passwords.service.js';
import * as apiErrors from '../errors/api-error.js';
import { type ErrorKind, genericKind } from '../errors/api-error.js';
import { ERROR_SCHEMA } from '../errors/api-errors.decorator.js';
import { isPlainObject } from '../validation/values.js';
import * as tokenErrors from '../tokens/token-errors.js';
import * as userErrors from '../users/user-errors.js';
import { operationsOf } from './operations.js';

/** Statuses of requests that are refused before a route is found. */
const BEFORE_ROUTING = [400, 404, 405, 408, 413, 414, 415, 417, 431, 500, 503];

/** The codes that errors can have with any settings. */
const DECLARED: readonly string[] = [
  ...[apiErrors, authErrors, passwordErrors, tokenErrors, userErrors]
    .flatMap((module) => Object.values<unknown>(module))
    .filter(isErrorKind),
  ...Object.values(tokenErrors.wrongTokenType),
  ...BEFORE_ROUTING.map(genericKind),
].map(({ code }) => code);

/**
 * Lists the codes of each error response, and all codes in the schema of errors. The codes that
 * added routes document are included, so they need no entry here.
 */
export function listErrorCodes(document: OpenAPIObject): void {
  const all = new Set(DECLARED);
  for (const { operation } of operationsOf(document)) {
    for (const response of Object.values(operation.responses)) {
      const content = response && !('$ref' in response) && response.content?.['application/json'];
      if (!content || !content.schema || !('$ref' in content.schema)) continue;
      if (content.schema.$ref !== ERROR_SCHEMA) continue;
      const codes = Object.keys(content.examples ?? {});
      for (const code of codes) all.add(code);
      if (codes.length > 0) content.schema = { allOf: [content.schema, oneOfCodes(codes)] };
    }
  }
  const schema = document.components?.schemas?.ErrorResponse;
  const code = schema && 'properties' in schema ? schema.properties?.code : undefined;
  if (!code || '$ref' in code) throw new Error('There is no schema of errors to describe.');
  code.enum = [...all].sort();
}

function oneOfCodes(codes: string[]) {
  return { properties: { code: { type: 'string', enum: codes } }, required: ['code'] };
}

function isErrorKind(value: unknown): value is ErrorKind {
  return isPlainObject(value) && typeof value.code === 'string' && typeof value.status === 'number';
}
