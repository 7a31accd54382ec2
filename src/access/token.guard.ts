import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppConfig } from '../config/app-config.js';
import { PUBLIC } from './require-token.decorator.js';
import {
  headerOf,
  loginCookieOf,
  placesOf,
  type TokenRequirement,
  unmetCondition,
} from './requirement.js';
import { requirementOf } from './route-requirements.service.js';
import { missingToken, type SentToken, sentToken, type TokenPlaces } from './sent-token.js';
import { refuseForgedRequest, TokenCookiesService } from './token-cookies.service.js';
import { TokenError } from '../tokens/token-errors.js';
import { TokenService } from '../tokens/token.service.js';
import type { Token } from '../tokens/token.js';

type Request = FastifyRequest & { token?: Token; tokenFrom?: SentToken['from'] };

/** Whether the token that the guard accepted came in a cookie. */
export function cameByCookie(request: FastifyRequest): boolean {
  return (request as Request).tokenFrom === 'cookie';
}

/** The requirement of a route, and the places where its token may be sent. */
interface Access {
  requirement: TokenRequirement;
  places: TokenPlaces;
}

/**
 * Guards every route. A route with `@Public()` is open. Every other route requires the token that
 * `@RequireToken()` describes, or an access token if the route has no such decorator.
 */
@Injectable()
export class TokenGuard implements CanActivate {
  /**
   * Caches what the decorators require, by controller and handler. It does not change at run time.
   */
  private readonly accesses = new Map<object, Map<object, Access | typeof PUBLIC>>();

  constructor(
    private readonly reflector: Reflector,
    private readonly tokens: TokenService,
    private readonly cookies: TokenCookiesService,
    private readonly config: AppConfig,
  ) {}

  canActivate(context: ExecutionContext): true | Promise<true> {
    const access = this.accessOf(context);
    return access === PUBLIC ? true : this.requireToken(access, context);
  }

  private async requireToken(access: Access, context: ExecutionContext): Promise<true> {
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    http.getResponse<FastifyReply>().header('cache-control', 'no-store');
    request.token = await this.check(access, request);
    return true;
  }

  /**
   * Verifies the token of a request against a requirement, for guards of routes with `@Public()`.
   *
   * @throws TokenError if the request has no token that meets the requirement
   */
  checkRequest(requirement: TokenRequirement, request: FastifyRequest): Promise<Token> {
    return this.check({ requirement, places: this.placesFor(requirement) }, request);
  }

  private async check({ requirement, places }: Access, request: Request): Promise<Token> {
    const sent = sentToken(request, places);
    if (!sent) throw new TokenError(missingToken(places));
    const { type = 'access', allowRotated = false } = requirement;
    const token = await this.tokens.verify(sent.signed, { type, allowRotated });
    if (sent.from === 'cookie') refuseForgedRequest(request, token);
    const unmet = unmetCondition(requirement, token, request.params as Record<string, string>);
    if (unmet) throw new TokenError(unmet, `subject ${token.subject}`);
    request.tokenFrom = sent.from;
    return token;
  }

  private accessOf(context: ExecutionContext): Access | typeof PUBLIC {
    const [handler, controller] = [context.getHandler(), context.getClass()];
    // The controller is part of the key, because two controllers may inherit one handler and have
    // different decorators.
    const ofController = this.accesses.get(controller) ?? new Map<object, Access>();
    this.accesses.set(controller, ofController);
    let access = ofController.get(handler);
    if (access === undefined) {
      const requirement = requirementOf(this.reflector, [handler, controller], this.config);
      access =
        requirement === PUBLIC ? PUBLIC : { requirement, places: this.placesFor(requirement) };
      ofController.set(handler, access);
    }
    return access;
  }

  private placesFor(requirement: TokenRequirement): TokenPlaces {
    const header = headerOf(requirement);
    if (placesOf(requirement).length > 0) return { header, cookie: requirement.cookie ?? null };
    const type = loginCookieOf(requirement);
    const isRead = this.cookies.enabled && type !== null;
    return { header, cookie: isRead ? this.cookies.names[type].token : null };
  }
}
