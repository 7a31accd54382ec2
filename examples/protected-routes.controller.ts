import { Controller, Get, Param } from '@nestjs/common';
import { CurrentToken, RequireToken } from '../src/access/require-token.decorator.js';
import { param } from '../src/access/requirement.js';
import { Token } from '../src/tokens/token.js';

/** The routes in the documentation of Flask_PyJWT. */
@Controller()
export class ProtectedRoutesController {
  /** Accepts any access token. */
  @Get('protected_route')
  @RequireToken()
  protectedRoute() {
    return { message: "You've reached the protected route!" };
  }

  /** Accepts only tokens of the user in the path: the claim `sub` must match the parameter. */
  @Get('user_specific_route/:username')
  @RequireToken({ claims: { sub: param('username') } })
  userSpecificRoute(@Param('username') username: string) {
    return { message: `Hello, ${username}!` };
  }

  /** Accepts only tokens with a custom claim. */
  @Get('custom_claim_route')
  @RequireToken({ claims: { custom_claim: 'Arbitrary Required Value' } })
  customClaimRoute() {
    return { message: "You've reached the custom claim route!" };
  }

  /** Accepts only tokens with this scope, which administrators get when they log in. */
  @Get('admin_dashboard')
  @RequireToken({ scope: { admin: true } })
  adminDashboard() {
    return { message: 'Hello admin!' };
  }

  /** Accepts tokens of the user in the path, and any token with the claim in `override`. */
  @Get('overridable_route/:username')
  @RequireToken({ claims: { sub: param('username') }, override: { claims: { admin: true } } })
  overridableRoute(@Param('username') username: string, @CurrentToken() token: Token) {
    return { message: `Hello, ${token.claims.admin === true ? 'admin' : username}!` };
  }
}
