import { parseRowId } from '../http/resource-id.js';
import { TokenError, tokenRevoked } from '../tokens/token-errors.js';
import type { Token } from '../tokens/token.js';

/** @throws TokenError `token_revoked` if the subject of the token is no id of a user */
export function ownerOf({ subject }: Token): number {
  const id = parseRowId(subject);
  if (id !== null) return id;
  throw new TokenError(tokenRevoked, 'there is no such user');
}
