import { LRUCache } from 'lru-cache';
import type { KeyRing } from '../keys/key-ring.js';
import type { Token } from './token.js';

/** The maximum number of tokens. */
const MAX_TOKENS = 10_000;
/** The maximum length of all tokens together, in characters. The claims take a few times as much. */
const MAX_LENGTH = 8 * 1024 * 1024;

/**
 * Remembers the tokens whose form, signature and claims were checked, by their signed text. A client sends
 * one token with many requests, and these checks take longer than everything else that a request needs.
 * What changes with time is not remembered: the caller has to compare the claims with the clock, and to
 * ask the database whether the token is active.
 */
export class VerifiedTokens {
  private readonly tokens = new LRUCache<string, Token>({
    max: MAX_TOKENS,
    maxSize: MAX_LENGTH,
    sizeCalculation: ({ signed }) => signed.length,
  });
  /** The keys that the tokens were verified with. Other keys may refuse them. */
  private ring: KeyRing | undefined;

  get(signed: string, ring: KeyRing): Token | undefined {
    return ring === this.ring ? this.tokens.get(signed) : undefined;
  }

  /** Freezes the token, because all requests with it share the object. */
  add(token: Token, ring: KeyRing): void {
    if (ring !== this.ring) {
      this.tokens.clear();
      this.ring = ring;
    }
    freeze(token.claims);
    this.tokens.set(token.signed, Object.freeze(token));
  }
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.values(value).forEach(freeze);
  Object.freeze(value);
}
