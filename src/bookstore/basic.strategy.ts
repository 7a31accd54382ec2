import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import passport from 'passport';
import { CredentialsService } from '../auth/credentials.service.js';
import { clientOf } from '../http/client.js';
import { authorizationHeaders } from '../access/sent-token.js';
import type { AuthenticatedUser } from '../users/users.service.js';
import { type BasicCredentials, basicCredentials } from './basic-credentials.js';
import { BASIC_CHALLENGE } from './bookstore-messages.js';

type Verify = (
  request: FastifyRequest,
  credentials: BasicCredentials,
  done: (error: unknown, user?: AuthenticatedUser) => void,
) => void;

/** HTTP Basic (RFC 7617) for Passport, whose own strategy for it is no longer maintained. */
class HttpBasicStrategy extends passport.Strategy {
  override name = 'basic';

  constructor(readonly verify: Verify) {
    super();
  }

  override authenticate(this: passport.StrategyCreated<this>, request: unknown): void {
    const { rawHeaders } = (request as FastifyRequest).raw;
    const credentials = basicCredentials(authorizationHeaders(rawHeaders));
    if (!credentials) return this.fail(BASIC_CHALLENGE);
    this.verify(request as FastifyRequest, credentials, (error, user) => {
      if (error) this.error(error);
      else this.success(user!);
    });
  }
}

@Injectable()
export class BasicStrategy extends PassportStrategy(HttpBasicStrategy) {
  constructor(private readonly credentials: CredentialsService) {
    super();
  }

  /** @throws ApiError `credentials_invalid`, `too_many_requests` */
  validate(
    request: FastifyRequest,
    { name, password }: BasicCredentials,
  ): Promise<AuthenticatedUser> {
    return this.credentials.verify(name, password, clientOf(request));
  }
}
