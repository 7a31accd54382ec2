import { Controller, Get, Header, Headers, UnauthorizedException } from '@nestjs/common';
import { Public, RequireToken } from '../src/access/require-token.decorator.js';
import { TokenService } from '../src/tokens/token.service.js';
import { ApiKeys } from './api-keys.js';

/** The routes in the documentation of flask-jwt-trivial: tokens for programs, without a login. */
@Controller()
export class MachineTokensController {
  constructor(
    private readonly tokens: TokenService,
    private readonly apiKeys: ApiKeys,
  ) {}

  @Get('private')
  @RequireToken()
  privateRoute() {
    return 'Your token worked.';
  }

  /** The response has the format of JSON:API. */
  @Get('get_token')
  @Public()
  @Header('cache-control', 'no-store')
  async getToken(@Headers('x-api-key') key = '') {
    const program = this.apiKeys.ownerOf(key);
    if (program === null) throw new UnauthorizedException();
    const token = await this.tokens.createAccessToken(program, { expiresIn: 3600 });
    return { data: { type: 'tokens', attributes: { token: token.signed, category: 'Bearer' } } };
  }
}
