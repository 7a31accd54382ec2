import { Logger } from '@nestjs/common';
import { TokenHook, type TokenHooks } from '../src/tokens/token-hooks.js';
import type { Token } from '../src/tokens/token.js';

/** Adds a claim to every token, and logs each issued token. */
@TokenHook()
export class TenantHook implements TokenHooks {
  private readonly logger = new Logger(TenantHook.name);

  addClaims(token: Token) {
    return { tenant: token.subject === '1' ? 'alderaan' : 'hoth' };
  }

  issued(token: Token) {
    this.logger.log(
      `Issued ${token.id} to ${token.subject}, until ${token.expiresAt.toISOString()}`,
    );
  }
}
