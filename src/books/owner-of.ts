import { parseRowId } from '../common/resource-id.js';
import { TokenError, tokenRevoked } from '../tokens/token-error.js';
import type { Token } from '../tokens/token.js';

/** @throws TokenError `token_revoked` where the token speaks for nobody who could own a book */
export function ownerOf({ subject }: Token): number {
  const id = parseRowId(subject);
  if (id !== null) return id;
  throw new TokenError(tokenRevoked, 'there is no such user');
}
