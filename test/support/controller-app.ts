import type { Provider, Type } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { TokenCookiesService } from '../../src/access/token-cookies.service.js';
import { TokenGuard } from '../../src/access/token.guard.js';
import { AppConfig } from '../../src/config/app-config.js';
import { ErrorFilter } from '../../src/http/error.filter.js';
import { SecurityEventsService } from '../../src/logging/security-events.service.js';
import { TokenError, tokenInvalid } from '../../src/tokens/token-errors.js';
import { TokenService } from '../../src/tokens/token.service.js';
import { type Claims, Token } from '../../src/tokens/token.js';

/**
 * Starts one controller behind the real guard, without a database and without keys, for unit specs of
 * who may use its routes. Send requests with `app.inject()`.
 *
 * @param providers fakes of what the controller injects
 * @param tokens the claims of each accepted token, by the text that requests send as the token
 */
export async function controllerApp(
  controller: Type,
  providers: Provider[],
  tokens: Readonly<Record<string, Partial<Claims>>>,
): Promise<NestFastifyApplication> {
  const verify: TokenService['verify'] = async (signed) => {
    const claims = tokens[signed];
    if (!claims) throw new TokenError(tokenInvalid);
    return new Token(signed, { alg: 'HS256' }, { type: 'access', ...claims } as Claims);
  };
  const module = await Test.createTestingModule({
    controllers: [controller],
    providers: [
      ...providers,
      { provide: AppConfig, useValue: AppConfig.from({}) },
      { provide: TokenService, useValue: { verify } },
      TokenCookiesService,
      SecurityEventsService,
      { provide: APP_GUARD, useClass: TokenGuard },
      { provide: APP_FILTER, useClass: ErrorFilter },
    ],
  }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), {
    logger: false,
  });
  await app.init();
  return app;
}
