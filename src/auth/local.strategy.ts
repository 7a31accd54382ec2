import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-local';
import { type AuthenticatedUser, UsersService } from '../users/users.service.js';
import { refusedLogin } from './auth-errors.js';

/** Name and password, from the body that `LocalAuthGuard` has checked. */
@Injectable()
export class LocalStrategy extends PassportStrategy(Strategy, 'local') {
  constructor(private readonly users: UsersService) {
    super();
  }

  /** @throws ApiError `credentials_invalid` */
  async validate(username: string, password: string): Promise<AuthenticatedUser> {
    const authenticated = await this.users.authenticate(username, password);
    if (!authenticated) throw refusedLogin();
    return authenticated;
  }
}
