import type { OpenAPIObject } from '@nestjs/swagger';
import type { WebSettings } from '../config/web-settings.js';
import { type OperationObject, operationsOf } from './operations.js';

type Components = NonNullable<OpenAPIObject['components']>;
type Schemas = NonNullable<Components['schemas']>;
type SchemaObject = Exclude<Schemas[string], { $ref: string }>;

/** The schemas of bodies that may contain tokens, and the members that contain them. */
const TOKEN_MEMBERS: Record<string, readonly string[]> = {
  LoginResponse: ['access_token', 'refresh_token'],
  AccessTokenResponse: ['access_token'],
  TokenInfoResponse: ['signed_token'],
};

const CSRF_MEMBERS = Object.fromEntries(
  ['access', 'refresh'].map((type) => [
    `csrf_${type}_token`,
    {
      type: 'string' as const,
      description: `The value of \`X-CSRF-TOKEN\` in requests with the ${type} cookie.`,
      example: 'Zm9yY2UgYmUgd2l0aCB5b3U',
    },
  ]),
);

/**
 * Documents how `TOKEN_COOKIES` changes the bodies that contain tokens. They also contain the
 * values of `X-CSRF-TOKEN`. They contain no tokens if the token of the request came in a cookie, or
 * if `TOKEN_COOKIES` is `only`.
 */
export function describeTokenBodies(
  document: OpenAPIObject,
  { cookiesOnly }: Pick<WebSettings, 'cookiesOnly'>,
): void {
  const schemas = document.components?.schemas ?? {};
  const byCookie = operationsOf(document).filter(({ operation }) => takesCookies(operation));
  for (const [name, members] of Object.entries(TOKEN_MEMBERS)) {
    const schema = schemas[name];
    if (!schema || '$ref' in schema) throw new Error(`There is no schema ${name} to describe.`);
    if (name !== 'TokenInfoResponse') addCsrf(schema);
    if (cookiesOnly) removeMembers(schema, members);
    else schemas[`${name}ByCookie`] = withOptional(schema, members);
  }
  if (cookiesOnly) return;
  for (const { operation } of byCookie) {
    const content = contentOf(operation);
    const schema = content?.schema;
    const name = schema && '$ref' in schema ? schema.$ref.split('/').at(-1)! : '';
    if (content && name in TOKEN_MEMBERS) {
      content.schema = { $ref: `#/components/schemas/${name}ByCookie` };
    }
  }
}

function takesCookies({ security = [] }: OperationObject): boolean {
  return security.some((each) => Object.keys(each).some((name) => name.startsWith('cookie.')));
}

function contentOf({ responses }: OperationObject) {
  const response = responses['200'];
  return response && !('$ref' in response) ? response.content?.['application/json'] : undefined;
}

function addCsrf(schema: SchemaObject): void {
  schema.properties = { ...schema.properties, ...CSRF_MEMBERS };
  schema.required = [...(schema.required ?? []), ...Object.keys(CSRF_MEMBERS)];
}

function removeMembers(schema: SchemaObject, members: readonly string[]): void {
  const properties = Object.entries(schema.properties ?? {});
  schema.properties = Object.fromEntries(properties.filter(([name]) => !members.includes(name)));
  schema.required = (schema.required ?? []).filter((name) => !members.includes(name));
}

function withOptional(schema: SchemaObject, members: readonly string[]): SchemaObject {
  return {
    ...schema,
    required: (schema.required ?? []).filter((name) => !members.includes(name)),
  };
}
