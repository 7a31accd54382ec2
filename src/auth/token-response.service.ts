import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppConfig } from '../config/app-config.js';
import { TokenCookiesService } from '../access/token-cookies.service.js';
import { cameByCookie } from '../access/token.guard.js';
import type { Token } from '../tokens/token.js';
import { TokenInfoResponse } from './dto/token-info-response.dto.js';
import { AccessTokenResponse, LoginResponse } from './dto/tokens-response.dto.js';

/** A new access token, with the refresh token of its session if there is a new one. */
interface IssuedTokens {
  access: Token;
  refresh?: Token;
}

/**
 * Sends tokens to the client: as cookies if `TOKEN_COOKIES` is on, and in the body unless the
 * client keeps its tokens in cookies, where no script should read them.
 */
@Injectable()
export class TokenResponseService {
  constructor(
    private readonly cookies: TokenCookiesService,
    private readonly config: AppConfig,
  ) {}

  /**
   * Sets the cookies of a new session and returns the body, for a login and for anything else that
   * opens a session.
   */
  forNewSession(
    request: FastifyRequest,
    reply: FastifyReply,
    { access, refresh }: Required<IssuedTokens>,
  ): LoginResponse {
    this.cookies.clearFormer(request, reply);
    this.cookies.set(reply, access, refresh);
    const body = LoginResponse.fromPair(access, refresh);
    return this.bodyFor(request, body, access, refresh);
  }

  /**
   * Sets the cookies of a refreshed session and returns the body.
   *
   * @param presented the refresh token of the request, which stays current if there is no new one
   */
  forRefresh(
    request: FastifyRequest,
    reply: FastifyReply,
    { access, refresh }: IssuedTokens,
    presented: Token,
  ): AccessTokenResponse | LoginResponse {
    this.cookies.set(reply, access, ...(refresh ? [refresh] : []));
    const body = refresh
      ? LoginResponse.fromPair(access, refresh)
      : AccessTokenResponse.from(access);
    return this.bodyFor(request, body, access, refresh ?? presented);
  }

  /**
   * Describes the token of the request. The token itself is left out if the client keeps its tokens
   * in cookies.
   */
  describe(request: FastifyRequest, token: Token): TokenInfoResponse {
    const { signed_token: _, ...rest } = TokenInfoResponse.from(token);
    return this.hidesTokens(request) ? rest : { ...rest, signed_token: token.signed };
  }

  private bodyFor(
    request: FastifyRequest,
    body: LoginResponse,
    access: Token,
    refresh: Token,
  ): LoginResponse {
    if (!this.cookies.enabled) return body;
    const { access_token: _access, refresh_token: _refresh, ...rest } = body;
    return {
      ...(this.hidesTokens(request) ? rest : body),
      // A refresh token that code issued without `csrf` has no value, and cannot be sent as a
      // cookie.
      csrf_access_token: access.claims.csrf ?? '',
      csrf_refresh_token: refresh.claims.csrf ?? '',
    };
  }

  private hidesTokens(request: FastifyRequest): boolean {
    return this.config.web.cookiesOnly || cameByCookie(request);
  }
}
