import {
  Controller,
  Get,
  Header,
  Headers,
  HttpCode,
  Post,
  Res,
  UnauthorizedException,
} from '@nestjs/common';
import { stringifySetCookie } from 'cookie';
import type { FastifyReply } from 'fastify';
import { CurrentToken, Public, RequireToken } from '../src/access/require-token.decorator.js';
import { TokenService } from '../src/tokens/token.service.js';
import { Token } from '../src/tokens/token.js';
import { ApiKeys } from './api-keys.js';

const COOKIE = { name: 'kiosk_token', path: '/kiosk' } as const;

/** Tokens that code issues, and that a browser keeps in a cookie of one's own. */
@Controller('kiosk')
export class CookieTokensController {
  private readonly orders = new Map<string, number>();

  constructor(
    private readonly tokens: TokenService,
    private readonly apiKeys: ApiKeys,
  ) {}

  /** The page keeps `csrf`, and repeats it in `X-CSRF-TOKEN` when it changes something. */
  @Post('token')
  @Public()
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async open(
    @Headers('x-api-key') key = '',
    @Res({ passthrough: true }) reply: Pick<FastifyReply, 'header'>,
  ) {
    const kiosk = this.apiKeys.ownerOf(key);
    if (kiosk === null) throw new UnauthorizedException();
    // Without `csrf: true`, the cookie is good for GET alone.
    const token = await this.tokens.createAccessToken(kiosk, { csrf: true, expiresIn: 3600 });
    const attributes = { httpOnly: true, secure: true, sameSite: 'strict' } as const;
    const cookie = { ...COOKIE, ...attributes, value: token.signed, maxAge: token.maxAge };
    reply.header('set-cookie', stringifySetCookie(cookie));
    return { csrf: token.claims.csrf };
  }

  @Get('orders')
  @RequireToken({ in: 'cookie', cookie: COOKIE.name })
  count(@CurrentToken() { subject }: Token) {
    return { orders: this.orders.get(subject) ?? 0 };
  }

  /** Is 401 `csrf_failed` without the header `X-CSRF-TOKEN`. */
  @Post('orders')
  @RequireToken({ in: 'cookie', cookie: COOKIE.name })
  order(@CurrentToken() { subject }: Token) {
    const orders = (this.orders.get(subject) ?? 0) + 1;
    this.orders.set(subject, orders);
    return { orders };
  }
}
