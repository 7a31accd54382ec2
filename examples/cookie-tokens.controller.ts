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

/** Tokens that the application issues itself, and that the browser keeps in a separate cookie. */
@Controller('kiosk')
export class CookieTokensController {
  private readonly orders = new Map<string, number>();

  constructor(
    private readonly tokens: TokenService,
    private readonly apiKeys: ApiKeys,
  ) {}

  /** The page keeps `csrf`, and sends it as `X-CSRF-TOKEN` when it changes something. */
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
    // Without `csrf: true`, the service accepts the cookie only for GET.
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

  /** Without the header `X-CSRF-TOKEN` the status is 401 with the code `csrf_failed`. */
  @Post('orders')
  @RequireToken({ in: 'cookie', cookie: COOKIE.name })
  order(@CurrentToken() { subject }: Token) {
    const orders = (this.orders.get(subject) ?? 0) + 1;
    this.orders.set(subject, orders);
    return { orders };
  }
}
