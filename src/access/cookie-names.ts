import type { TokenType } from '../tokens/token-errors.js';

/** The names of the cookies of one kind of token. */
export interface CookieNames {
  token: string;
  csrf: string;
}

/** The names of the login cookies, without a prefix. */
export const PLAIN_NAMES: Record<TokenType, CookieNames> = {
  access: { token: 'access_token_cookie', csrf: 'csrf_access_token' },
  refresh: { token: 'refresh_token_cookie', csrf: 'csrf_refresh_token' },
};

/** All four names, those of the access token first. */
export function listNames(names: Record<TokenType, CookieNames>): string[] {
  return [names.access, names.refresh].flatMap(({ token, csrf }) => [token, csrf]);
}
