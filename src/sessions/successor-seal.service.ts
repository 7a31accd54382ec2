import { Injectable } from '@nestjs/common';
import { unavailable } from '../errors/api-error.js';
import { TokenKeys } from '../keys/token-keys.js';
import { seal, sealingKeyId, unseal } from './sealed-token.js';
import type { Token } from '../tokens/token.js';

/** Seals the successor of a rotated refresh token with the current signing key. */
@Injectable()
export class SuccessorSealService {
  constructor(private readonly keys: TokenKeys) {}

  seal(successor: Token, rotated: Token): string {
    return seal(successor, rotated, this.keys.ring.signing);
  }

  /**
   * @returns the signed successor, or null if it was sealed with another token
   * @throws ApiError 503 if the key that sealed it is no longer configured
   */
  unseal(sealed: string, rotated: Token): string | null {
    const id = sealingKeyId(sealed);
    const key = this.keys.findForUnsealing(id);
    if (!key) throw unavailable(`the key ${id}, which sealed the successor, is not configured`);
    return unseal(sealed, rotated, key);
  }
}
