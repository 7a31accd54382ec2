import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { JWT_ALGORITHMS, type JwtAlgorithm } from '../config/jwt-algorithms.js';
import { Public } from '../access/require-token.decorator.js';
import { JWKS_MAX_AGE, type PublicJwk } from '../keys/token-key.js';
import { TokenKeys } from '../keys/token-keys.js';

const ecOnly = { required: false, description: 'For EC keys (RFC 7518, section 6.2).' };
const rsaOnly = { required: false, description: 'For RSA keys (RFC 7518, section 6.3).' };

class JsonWebKeyResponse {
  @ApiProperty({ enum: ['RSA', 'EC'], example: 'EC' })
  kty: string;

  @ApiProperty({ enum: ['sig'], example: 'sig' })
  use: 'sig';

  @ApiProperty({
    description: 'The thumbprint of the key (RFC 7638), which is the header `kid` of its tokens.',
    example: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
  })
  kid: string;

  @ApiProperty({ enum: JWT_ALGORITHMS.slice(3), required: false, example: 'ES256' })
  alg?: JwtAlgorithm;

  @ApiProperty({ ...ecOnly, example: 'P-256' })
  crv?: string;

  @ApiProperty({ ...ecOnly, example: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU' })
  x?: string;

  @ApiProperty({ ...ecOnly, example: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0' })
  y?: string;

  @ApiProperty({
    ...rsaOnly,
    example: 'oahUIoWw0K0usKNuOR6H4wkf4oBUXHTxRvgb48E-BVvxkeDNjbC4he8rUW',
  })
  n?: string;

  @ApiProperty({ ...rsaOnly, example: 'AQAB' })
  e?: string;
}

class JsonWebKeySetResponse {
  @ApiProperty({ type: [JsonWebKeyResponse], example: [] })
  keys: readonly PublicJwk[];
}

@ApiTags('Authentication')
@Controller('.well-known/jwks.json')
export class JwksController {
  constructor(private readonly keys: TokenKeys) {}

  @Get()
  @Public()
  @ApiOperation({
    summary: 'Get the public keys',
    description:
      'Other services can verify tokens with these keys (RFC 7517). The list is empty if tokens are signed with a secret.',
  })
  @ApiOkResponse({ type: JsonWebKeySetResponse })
  list(@Res({ passthrough: true }) reply: FastifyReply): JsonWebKeySetResponse {
    const keys = this.keys.ring.publicKeys;
    reply.header('cache-control', `public, max-age=${JWKS_MAX_AGE}`);
    return { keys };
  }
}
