import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { stringifySetCookie } from 'cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppConfig } from '../config/app-config.js';
import { csrfFailed, TokenError, type TokenType } from './token-error.js';
import type { Token } from './token.js';

/** The cookies of each kind of token, and where they are sent to. */
export const TOKEN_COOKIES: Record<TokenType, { token: string; csrf: string; path: string }> = {
  access: { token: 'access_token_cookie', csrf: 'csrf_access_token', path: '/' },
  refresh: { token: 'refresh_token_cookie', csrf: 'csrf_refresh_token', path: '/auth' },
};

/** The methods that change nothing (RFC 9110, section 9.2.1). */
export const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/** Keeps a browser's tokens in its cookies, where no script can read them. */
@Injectable()
export class TokenCookies {
  /** Whether `TOKEN_COOKIES` asks for them. */
  readonly enabled: boolean;

  constructor(private readonly config: AppConfig) {
    this.enabled = config.tokenCookies;
  }

  /** Sets the cookies of tokens, with what a page has to repeat beside them. */
  set(reply: FastifyReply, ...tokens: Token[]): void {
    if (!this.enabled) return;
    for (const { type, signed, claims, maxAge } of tokens) {
      this.send(reply, type, { token: signed, csrf: claims.csrf ?? '', maxAge });
    }
  }

  /** Makes the browser forget all of them. */
  clear(reply: FastifyReply): void {
    if (!this.enabled) return;
    for (const type of ['access', 'refresh'] as const) {
      this.send(reply, type, { token: '', csrf: '', maxAge: 0 });
    }
  }

  private send(
    reply: FastifyReply,
    type: TokenType,
    { token, csrf, maxAge }: { token: string; csrf: string; maxAge: number },
  ): void {
    const names = TOKEN_COOKIES[type];
    const common = { maxAge, sameSite: 'strict', secure: this.config.production } as const;
    const { path } = names;
    reply.header('set-cookie', [
      stringifySetCookie({ ...common, name: names.token, value: token, path, httpOnly: true }),
      // For the scripts of every page, wherever it lies.
      stringifySetCookie({ ...common, name: names.csrf, value: csrf, path: '/' }),
    ]);
  }
}

/**
 * Browsers add cookies to requests that other sites made them send. Such a site cannot read the
 * value that the token is bound to, and so cannot repeat it (the double submit that OWASP's
 * "Cross-Site Request Forgery Prevention" recommends, signed).
 *
 * @throws TokenError `csrf_failed` where the request changes something and does not repeat it
 */
export function refuseForgedRequest({ method, headers }: FastifyRequest, token: Token): void {
  if (SAFE_METHODS.includes(method)) return;
  const sent = headers['x-csrf-token'];
  const { csrf } = token.claims;
  if (typeof sent === 'string' && csrf !== undefined && isSame(sent, csrf)) return;
  throw new TokenError(csrfFailed, `of ${token.subject}`);
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
