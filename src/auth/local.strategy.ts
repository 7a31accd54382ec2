import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-local';
import { ApiError } from '../common/api-error.js';
import { type AuthenticatedUser, UsersService } from '../users/users.service.js';
import { credentialsInvalid } from './auth-errors.js';

/** Name and password, from the body that `LocalAuthGuard` has checked. */
@Injectable()
export class LocalStrategy extends PassportStrategy(Strategy, 'local') {
  constructor(private readonly users: UsersService) {
    super();
  }

  /** @throws ApiError `credentials_invalid` */
  async validate(username: string, password: string): Promise<AuthenticatedUser> {
    const authenticated = await this.users.authenticate(username, password);
    if (!authenticated) throw new ApiError(credentialsInvalid, { headers: challenge });
    return authenticated;
  }
}

/** RFC 9110, section 15.5.2: a 401 says how to authenticate; here it is what a login leads to. */
export const challenge = { 'www-authenticate': 'Bearer realm="api"' };
