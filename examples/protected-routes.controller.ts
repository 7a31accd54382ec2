import { Controller, Get, Param } from '@nestjs/common';
import { CurrentToken, RequireToken } from '../src/access/require-token.decorator.js';
import { param } from '../src/access/requirement.js';
import { Token } from '../src/tokens/token.js';

/** The routes that Flask_PyJWT's documentation shows. */
@Controller()
export class ProtectedRoutesController {
  /** For any access token. */
  @Get('protected_route')
  @RequireToken()
  protectedRoute() {
    return { message: "You've reached the protected route!" };
  }

  /** For the one whom the path names: a claim is bound to the route's parameter. */
  @Get('user_specific_route/:username')
  @RequireToken({ claims: { sub: param('username') } })
  userSpecificRoute(@Param('username') username: string) {
    return { message: `Hello, ${username}!` };
  }

  /** For tokens that hold a claim of your own. */
  @Get('custom_claim_route')
  @RequireToken({ claims: { custom_claim: 'Arbitrary Required Value' } })
  customClaimRoute() {
    return { message: "You've reached the custom claim route!" };
  }

  /** For tokens whose scope holds this; administrators get it at their login. */
  @Get('admin_dashboard')
  @RequireToken({ scope: { admin: true } })
  adminDashboard() {
    return { message: 'Hello admin!' };
  }

  /** For the user that the path names, and for any token with the claim that overrides it. */
  @Get('overridable_route/:username')
  @RequireToken({ claims: { sub: param('username') }, override: { claims: { admin: true } } })
  overridableRoute(@Param('username') username: string, @CurrentToken() token: Token) {
    return { message: `Hello, ${token.claims.admin === true ? 'admin' : username}!` };
  }
}
