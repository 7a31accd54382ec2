import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { stringifySetCookie } from 'cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppConfig } from '../config/app-config.js';
import { type CookieNames, listNames, PLAIN_NAMES } from './cookie-names.js';
import { expireStaleCookies } from './stale-cookies.js';
import { csrfFailed, TokenError, type TokenType } from '../tokens/token-errors.js';
import type { Token } from '../tokens/token.js';

/**
 * The names of the login cookies. In production they begin with a prefix that browsers enforce (RFC
 * 6265bis, section 4.1.3): only this host can set a `__Host-` cookie. A cookie with a domain needs
 * `__Secure-` instead, and every host of that domain can set it.
 */
export function loginCookieNames({
  production,
  web,
}: Pick<AppConfig, 'production' | 'web'>): Record<TokenType, CookieNames> {
  const secured = web.cookieDomain === null ? '__Host-' : '__Secure-';
  const prefix = production ? secured : '';
  const { access, refresh } = PLAIN_NAMES;
  return { access: withPrefix(prefix, access), refresh: withPrefix(prefix, refresh) };
}

function withPrefix(prefix: string, { token, csrf }: CookieNames): CookieNames {
  return { token: prefix + token, csrf: prefix + csrf };
}

/** The request header that repeats the claim `csrf` of a token that is sent in a cookie. */
export const CSRF_HEADER = 'x-csrf-token';

/** Documents that a response sets or clears the cookies; `describeSetCookie` completes it. */
export const SET_COOKIE_HEADER = { 'Set-Cookie': {} };

/** The methods that change nothing (RFC 9110, section 9.2.1). */
export const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/** Sets and clears the cookies that hold a browser's tokens, where no script can read them. */
@Injectable()
export class TokenCookiesService {
  /** Whether `TOKEN_COOKIES` is on. */
  readonly enabled: boolean;
  readonly names: Record<TokenType, CookieNames>;
  private readonly attributes: { secure: boolean; domain?: string };

  constructor(private readonly config: AppConfig) {
    const { production, web } = config;
    const { tokenCookies, cookieDomain } = web;
    this.enabled = tokenCookies;
    this.names = loginCookieNames(config);
    this.attributes = {
      secure: production,
      ...(cookieDomain !== null && { domain: cookieDomain }),
    };
  }

  /**
   * Sets the cookies of the tokens, and the readable cookies with the values for `X-CSRF-TOKEN`.
   */
  set(reply: FastifyReply, ...tokens: Token[]): void {
    if (!this.enabled) return;
    for (const { type, signed, claims, maxAge } of tokens) {
      this.send(reply, type, { token: signed, csrf: claims.csrf ?? '', maxAge });
    }
  }

  /** Clears the cookies of both tokens, and those that `clearFormer` clears. */
  clear(request: FastifyRequest, reply: FastifyReply): void {
    if (!this.enabled) return;
    this.clearFormer(request, reply);
    for (const type of ['access', 'refresh'] as const) {
      this.send(reply, type, { token: '', csrf: '', maxAge: 0 });
    }
  }

  /** Clears cookies from earlier versions or other settings. */
  clearFormer(request: FastifyRequest, reply: FastifyReply): void {
    if (!this.enabled) return;
    const names = listNames(this.names);
    for (const line of expireStaleCookies(request, this.config, names)) {
      reply.header('set-cookie', line);
    }
  }

  private send(
    reply: FastifyReply,
    type: TokenType,
    { token, csrf, maxAge }: { token: string; csrf: string; maxAge: number },
  ): void {
    const names = this.names[type];
    const common = { ...this.attributes, maxAge, path: '/', sameSite: 'strict' } as const;
    reply.header('set-cookie', [
      stringifySetCookie({ ...common, name: names.token, value: token, httpOnly: true }),
      stringifySetCookie({ ...common, name: names.csrf, value: csrf }),
    ]);
  }
}

/**
 * Refuses a request that another site may have made the browser send, together with its cookies.
 * Another site cannot read the claim `csrf` of the token, and therefore cannot repeat it in the
 * header. This is the signed double-submit cookie that OWASP's "Cross-Site Request Forgery
 * Prevention" recommends.
 *
 * @throws TokenError `csrf_failed` if the method is not safe and the header does not repeat the
 * claim
 */
export function refuseForgedRequest({ method, headers }: FastifyRequest, token: Token): void {
  if (SAFE_METHODS.includes(method)) return;
  const sent = headers[CSRF_HEADER];
  const { csrf } = token.claims;
  if (csrf === undefined) {
    throw new TokenError(csrfFailed, 'the token has no claim csrf; issue it with `csrf: true`');
  }
  if (typeof sent === 'string' && isSame(sent, csrf)) return;
  throw new TokenError(csrfFailed, `subject ${token.subject}`);
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
