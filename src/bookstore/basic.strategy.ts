import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import passport from 'passport';
import { authorizationHeaders } from '../tokens/sent-token.js';
import { type AuthenticatedUser, UsersService } from '../users/users.service.js';
import { basicCredentials } from './basic-credentials.js';
import { BASIC_CHALLENGE } from './bookstore-words.js';

type Verify = (
  name: string,
  password: string,
  done: (error: unknown, user?: AuthenticatedUser | null) => void,
) => void;

/** HTTP Basic (RFC 7617) for Passport, whose own strategy for it is no longer kept. */
class HttpBasicStrategy extends passport.Strategy {
  override name = 'basic';

  constructor(readonly verify: Verify) {
    super();
  }

  override authenticate(this: passport.StrategyCreated<this>, request: unknown): void {
    const { raw } = request as FastifyRequest;
    const credentials = basicCredentials(authorizationHeaders(raw.rawHeaders));
    if (!credentials) return this.fail(BASIC_CHALLENGE);
    this.verify(credentials.name, credentials.password, (error, user) => {
      if (error) this.error(error);
      else if (user) this.success(user);
      else this.fail(BASIC_CHALLENGE);
    });
  }
}

@Injectable()
export class BasicStrategy extends PassportStrategy(HttpBasicStrategy, 'basic') {
  constructor(private readonly users: UsersService) {
    super();
  }

  /** @returns null where there is no user of that name and password */
  validate(name: string, password: string): Promise<AuthenticatedUser | null> {
    return this.users.authenticate(name, password);
  }
}
