import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { parseRowId } from '../http/resource-id.js';
import { TokenError, tokenRevoked } from '../tokens/token-errors.js';
import type { Token } from '../tokens/token.js';

/** The id of the user whose token the guard accepted. */
export const OwnerId = createParamDecorator((_: unknown, context: ExecutionContext): number =>
  ownerOf(context.switchToHttp().getRequest<{ token: Token }>().token),
);

/** @throws TokenError `token_revoked` if the subject of the token is not the id of a user */
export function ownerOf({ subject }: Token): number {
  const id = parseRowId(subject);
  if (id !== null) return id;
  throw new TokenError(tokenRevoked, 'the user does not exist');
}
