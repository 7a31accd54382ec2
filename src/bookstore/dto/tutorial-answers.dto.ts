import { ApiProperty } from '@nestjs/swagger';

/** All that the tutorial says of what it did or refused. */
export class MessageResponse {
  @ApiProperty({ example: 'registered successfully' })
  message: string;
}

export class TutorialTokenResponse {
  @ApiProperty({
    description: 'An access token; it is sent as `x-access-tokens`.',
    example: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.kNxDvO8yhJ2ThYvKQ4n0c1Oq',
  })
  token: string;
}
