import { Injectable } from '@nestjs/common';
import { ApiError, serviceUnavailable } from '../errors/api-error.js';
import { TokenKeys } from '../keys/token-keys.js';
import { seal, sealingKeyId, unseal } from './sealed-token.js';
import type { Token } from '../tokens/token.js';

/** The key that sealed a successor is not loaded. */
class UnknownSealingKey extends ApiError {
  constructor(id: string) {
    const cause = `the key ${id}, which sealed the successor, is not configured`;
    super(serviceUnavailable, { headers: { 'retry-after': '1' }, cause });
  }
}

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
    if (!key) throw new UnknownSealingKey(id);
    return unseal(sealed, rotated, key);
  }

  /**
   * Runs a write that may unseal. If another instance has sealed with a key that was just added,
   * loads the key after the write has failed, and runs the write again.
   */
  async retryWithNewKeys<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof UnknownSealingKey)) throw error;
    }
    await this.keys.reload();
    return write();
  }
}
