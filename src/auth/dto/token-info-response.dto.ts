import { ApiProperty } from '@nestjs/swagger';
import type { Token } from '../../tokens/token.js';
import type { TokenType } from '../../tokens/token-errors.js';

const claims = {
  sub: '1',
  sid: '2f1c0e5e-8d0f-4b53-9a37-6a3a4f0f9d10',
  jti: 'a1c5b1f0-6c2e-4a57-8d5c-1f8f3a8c9e77',
  type: 'access',
  iat: 1767225600,
  nbf: 1767225600,
  exp: 1767226500,
  fresh: true,
  scope: {},
};

/** The content of the token of the request. */
export class TokenInfoResponse {
  @ApiProperty({ enum: ['access'], example: 'access' })
  token_type: TokenType;

  @ApiProperty({ description: 'The id of the user.', example: '1' })
  subject: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'The authorizations of the token.',
    example: { admin: true },
  })
  scope: Readonly<Record<string, unknown>>;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'All claims of the token.',
    example: claims,
  })
  claims: Readonly<Record<string, unknown>>;

  @ApiProperty({ example: true })
  is_signed: boolean;

  /** Absent for clients that keep their tokens in cookies. */
  @ApiProperty({ example: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.kNxDvO8yhJ2T' })
  signed_token?: string;

  static from(token: Token): TokenInfoResponse {
    return {
      token_type: token.type,
      subject: token.subject,
      scope: token.scope,
      claims: token.claims,
      is_signed: token.isSigned(),
      signed_token: token.signed,
    };
  }
}
