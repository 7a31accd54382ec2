import { ApiProperty } from '@nestjs/swagger';

/** The body of a response of the tutorial that has no other content. */
export class MessageResponse {
  @ApiProperty({ example: 'registered successfully' })
  message: string;
}

export class TutorialTokenResponse {
  @ApiProperty({
    description: 'An access token. Send it in the header `x-access-tokens`.',
    example: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.kNxDvO8yhJ2ThYvKQ4n0c1Oq',
  })
  token: string;
}
