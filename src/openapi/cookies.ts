import type { OpenAPIObject } from '@nestjs/swagger';
import type { TokenType } from '../tokens/token-errors.js';
import { listNames } from '../access/cookie-names.js';
import type { TokenCookiesService } from '../access/token-cookies.service.js';
import { type OperationObject, operationsOf } from './operations.js';

/** The names of the cookies that a login sets; null if it sets none. */
export type LoginCookies = TokenCookiesService['names'] | null;

/** Names the cookies that `Set-Cookie` sets, or removes the header where none are set. */
export function describeSetCookie(document: OpenAPIObject, names: LoginCookies): void {
  for (const { operation } of operationsOf(document)) {
    for (const response of Object.values(operation.responses)) {
      if (!response || '$ref' in response || !response.headers?.['Set-Cookie']) continue;
      if (names) response.headers['Set-Cookie'] = setCookie(names);
      else delete response.headers['Set-Cookie'];
    }
  }
}

function setCookie(names: TokenCookiesService['names']) {
  return {
    description: `One header each for the cookies ${listNames(names)
      .map((name) => `\`${name}\``)
      .join(', ')}; a logout clears them. Scripts can read those whose names hold \`csrf\`.`,
    required: true,
    schema: { type: 'string' as const },
    example: `${names.access.csrf}=Zm9yY2UgYmUgd2l0aCB5b3U; Max-Age=900; Path=/; SameSite=Strict`,
  };
}

/**
 * Adds the header that repeats what a token in a cookie is bound to.
 *
 * @param required whether the token can be sent in no other place
 */
export function addCsrfParameter(
  operation: OperationObject,
  { csrfCookie, required }: { csrfCookie: string | undefined; required: boolean },
): void {
  const source = csrfCookie === undefined ? 'the claim `csrf`' : `the cookie \`${csrfCookie}\``;
  operation.parameters = [
    ...(operation.parameters ?? []),
    {
      name: 'X-CSRF-TOKEN',
      in: 'header',
      required,
      description: `Repeats the value of ${source}. Required if the token is sent as a cookie.`,
      schema: { type: 'string' },
      example: 'Zm9yY2UgYmUgd2l0aCB5b3U',
    },
  ];
}

/** The cookie whose value a request repeats, where its token is in a cookie of a login. */
export function csrfCookieOf(names: LoginCookies, type: TokenType | null): string | undefined {
  return type === null ? undefined : names?.[type].csrf;
}
