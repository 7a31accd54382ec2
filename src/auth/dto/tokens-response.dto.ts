import { ApiProperty } from '@nestjs/swagger';
import type { Token } from '../../tokens/token.js';

const example = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.kNxDvO8yhJ2ThYvKQ4n0c1Oq';

/** A new access token (RFC 6749, section 5.1). */
export class AccessTokenResponse {
  /** Absent for clients that keep their tokens in cookies. */
  @ApiProperty({ example })
  access_token?: string;

  @ApiProperty({ enum: ['Bearer'], example: 'Bearer' })
  token_type: 'Bearer';

  @ApiProperty({
    type: 'integer',
    description: 'Seconds until the access token expires.',
    example: 900,
  })
  expires_in: number;

  /** Present with `TOKEN_COOKIES`; see `describeTokenBodies`. */
  csrf_access_token?: string;

  /** Present with `TOKEN_COOKIES`; see `describeTokenBodies`. */
  csrf_refresh_token?: string;

  static from(access: Token): AccessTokenResponse {
    return {
      access_token: access.signed,
      token_type: 'Bearer',
      expires_in: access.maxAge,
    };
  }
}

export class LoginResponse extends AccessTokenResponse {
  /** Absent for clients that keep their tokens in cookies. */
  @ApiProperty({ description: 'Send it to `POST /auth/refresh` to get new tokens.', example })
  refresh_token?: string;

  static fromPair(access: Token, refresh: Token): LoginResponse {
    return { ...AccessTokenResponse.from(access), refresh_token: refresh.signed };
  }
}

export class LogoutResponse {
  @ApiProperty({ enum: ['Successfully logged out.'], example: 'Successfully logged out.' })
  message = 'Successfully logged out.';
}
