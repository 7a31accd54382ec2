import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { Strategy } from 'passport-local';
import { clientOf } from '../http/client.js';
import type { AuthenticatedUser } from '../users/users.service.js';
import { CredentialsService } from './credentials.service.js';

/** Verifies the name and the password of a body that `LocalAuthGuard` has validated. */
@Injectable()
export class LocalStrategy extends PassportStrategy(Strategy, 'local') {
  constructor(private readonly credentials: CredentialsService) {
    super({ passReqToCallback: true });
  }

  /** @throws ApiError `credentials_invalid`, `too_many_requests` */
  validate(request: FastifyRequest, name: string, password: string): Promise<AuthenticatedUser> {
    return this.credentials.verify(name, password, clientOf(request));
  }
}
