import type { KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { JWT_ALGORITHMS } from '../config/jwt-algorithms.js';
import { isOfOtherType, refuseClaims, refuseHeader } from './claims.js';
import type { KeyRing } from '../keys/key-ring.js';
import type { TokenKey } from '../keys/token-key.js';
import { TokenKeys } from '../keys/token-keys.js';
import { decodeBase64url, parseTokenPart } from './token-part.js';
import { TokenError, tokenInvalid, type TokenType, wrongTokenType } from './token-errors.js';
import { type Claims, Token, type TokenHeader } from './token.js';

/** A token on its way through the check. */
export interface Presented {
  readonly signed: string;
  /** Whether a refresh token will do that was spent already. */
  readonly spent: boolean;
  /** Once `open` has looked at it. */
  header?: Readonly<TokenHeader>;
}

/** A header in which nothing was wrong, and the key that it names. */
interface KnownHeader {
  header: Readonly<TokenHeader>;
  key: TokenKey;
}

/** The tokens of one key and type have the same header, letter for letter; there are few keys. */
const MAX_KNOWN_HEADERS = 64;

/** What has to be checked of a token before and after jsonwebtoken does: it overlooks a lot. */
@Injectable()
export class TokenVerifier {
  private knownHeaders = new Map<string, KnownHeader>();
  /** The keys that the headers were looked up in. */
  private ring: KeyRing | undefined;

  constructor(
    private readonly keys: TokenKeys,
    private readonly config: AppConfig,
  ) {}

  /**
   * Reads a token's header, before anything in it is trusted, and finds the key to check it with.
   *
   * @throws TokenError `token_invalid` where the token is malformed, or no key is good for it
   */
  open(presented: Presented): KeyObject {
    const [text, payload, signature] = partsOf(presented.signed);
    try {
      parseTokenPart(payload);
      decodeBase64url(signature);
      const { header, key } = this.lookUp(text);
      presented.header = header;
      return key.verifying;
    } catch (error) {
      throw new TokenError(tokenInvalid, error);
    }
  }

  /** How jsonwebtoken is to check a token whose key is the one of `open`. */
  get options() {
    const { jwtIssuer, jwtAudience } = this.config;
    return {
      // Each key has its own, which `open` holds the header against.
      algorithms: [...JWT_ALGORITHMS],
      // Checked with the other claims, to a fraction of a second.
      ignoreNotBefore: true,
      ...(jwtIssuer !== null && { issuer: jwtIssuer }),
      ...(jwtAudience !== null && { audience: jwtAudience }),
    };
  }

  /**
   * Checks the claims of a token whose signature has been verified.
   *
   * @throws TokenError `token_invalid`, or `wrong_token_type` where `type` is the other one
   */
  accept({ signed, header }: Presented, payload: Record<string, unknown>, type: TokenType): Token {
    const reason = refuseClaims(payload, this.config, Date.now() / 1000);
    if (reason !== null || !header) throw new TokenError(tokenInvalid, reason);
    const token = new Token(signed, header, payload as Claims);
    if (isOfOtherType(header, token.type)) {
      throw new TokenError(tokenInvalid, `typ is not that of a token of type ${token.type}`);
    }
    if (token.type !== type) throw new TokenError(wrongTokenType[type], `of ${token.subject}`);
    return token;
  }

  private lookUp(text: string): KnownHeader {
    const { ring } = this.keys;
    const full = this.knownHeaders.size >= MAX_KNOWN_HEADERS;
    if (ring !== this.ring || full) {
      this.ring = ring;
      this.knownHeaders.clear();
    }
    const known = this.knownHeaders.get(text);
    if (known) return known;
    const header = parseTokenPart(text);
    const reason = refuseHeader(header);
    if (reason !== null) throw new Error(reason);
    const key = this.keys.find(header.kid as string | undefined);
    if (!key) throw new Error('no key has its kid');
    const algorithm = key.algorithms.find((each) => each === header.alg);
    if (!algorithm) throw new Error('its key is not for its alg');
    const found = { header: Object.freeze({ ...header, alg: algorithm }), key };
    this.knownHeaders.set(text, found);
    return found;
  }
}

/** RFC 7519, section 3: three parts of a JWS in its compact form. */
export function partsOf(signed: string): [header: string, payload: string, signature: string] {
  const parts = typeof signed === 'string' ? signed.split('.') : [];
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || !header || !payload || !signature) {
    throw new TokenError(tokenInvalid, 'it has not three parts');
  }
  return [header, payload, signature];
}
