import type { OpenAPIObject } from '@nestjs/swagger';
import type { TokenType } from '../tokens/token-errors.js';
import { listNames } from '../access/cookie-names.js';
import type { TokenCookiesService } from '../access/token-cookies.service.js';
import { type OperationObject, operationsOf } from './operations.js';

/** The names of the cookies that a login sets; null if it sets none. */
export type LoginCookies = TokenCookiesService['names'] | null;

/** Documents the cookies in `Set-Cookie`, or removes the header if none are set. */
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
    description: `One header for each of the cookies ${listNames(names)
      .map((name) => `\`${name}\``)
      .join(', ')}; a logout clears them. Scripts can read those with \`csrf\` in their names.`,
    required: true,
    schema: { type: 'string' as const },
    example: `${names.access.csrf}=Zm9yY2UgYmUgd2l0aCB5b3U; Max-Age=900; Path=/; SameSite=Strict`,
  };
}

/**
 * Adds the header with the CSRF value of a token in a cookie.
 *
 * @param required whether the token can only be sent as a cookie
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

/**
 * The cookie whose value a request repeats; undefined if its token is not in a cookie of a login.
 */
export function csrfCookieOf(names: LoginCookies, type: TokenType | null): string | undefined {
  return type === null ? undefined : names?.[type].csrf;
}
