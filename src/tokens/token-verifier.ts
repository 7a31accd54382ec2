import { Injectable } from '@nestjs/common';
import jsonwebtoken from 'jsonwebtoken';
import { AppConfig } from '../config/app-config.js';
import { ApiError } from '../errors/api-error.js';
import { withoutStackTraces } from '../errors/without-stack-traces.js';
import type { KeyRing } from '../keys/key-ring.js';
import type { TokenKey } from '../keys/token-key.js';
import { TokenKeys } from '../keys/token-keys.js';
import { isOfOtherType, refuseClaims, refuseHeader } from './claims.js';
import {
  TokenError,
  tokenExpired,
  tokenInvalid,
  tokenRevoked,
  type TokenType,
  wrongTokenType,
} from './token-errors.js';
import { decodeBase64url, parseTokenPart } from './token-part.js';
import { TokenStore } from './token-store.js';
import { type Claims, Token, type TokenHeader } from './token.js';
import { VerifiedTokens } from './verified-tokens.js';

export interface VerifyOptions {
  /** The required type; either type is accepted if it is left out. */
  type?: TokenType | undefined;
  /** Whether an already rotated refresh token is accepted. */
  allowRotated?: boolean | undefined;
}

/** A checked header, and the key that it names. */
interface KnownHeader {
  header: Readonly<TokenHeader>;
  key: TokenKey;
}

/**
 * Maximum number of cached headers. There are few keys, and all tokens of one key and type have an
 * identical header.
 */
const MAX_KNOWN_HEADERS = 64;

/**
 * Verifies tokens. jsonwebtoken verifies signature, issuer and audience; it is lenient about
 * everything else (docs/decisions/0005-checking-tokens.md).
 */
@Injectable()
export class TokenVerifier {
  private readonly knownHeaders = new Map<string, KnownHeader>();
  /** The key ring that the keys of `knownHeaders` are from. */
  private ring: KeyRing | undefined;
  private readonly verified = new VerifiedTokens();
  private readonly options: jsonwebtoken.VerifyOptions;

  constructor(
    private readonly keys: TokenKeys,
    private readonly config: AppConfig,
    private readonly store: TokenStore,
  ) {
    const { jwtIssuer, jwtAudience } = config;
    this.options = {
      // `refuseClaims` checks `nbf`, to a fraction of a second.
      ignoreNotBefore: true,
      ...(jwtIssuer !== null && { issuer: jwtIssuer }),
      ...(jwtAudience !== null && { audience: jwtAudience }),
    };
  }

  /**
   * Checks form, key, signature, claims, type, revocation and session, in this order.
   *
   * @throws TokenError `token_invalid`, `token_expired`, `wrong_token_type` or `token_revoked`
   * @throws ApiError 503 if the database does not answer
   */
  async verify(signed: string, { type, allowRotated = false }: VerifyOptions = {}): Promise<Token> {
    const token = this.verifySignature(signed) ?? (await this.verifyWithNewKeys(signed));
    if (type !== undefined && token.type !== type) {
      throw new TokenError(wrongTokenType[type], `subject ${token.subject}`);
    }
    if (!(await this.store.isActive(token, { allowRotated }))) {
      throw await this.refusalOf(token);
    }
    return token;
  }

  /** The error for a token that is not active. A client can refresh a token that is only outdated. */
  private async refusalOf(token: Token): Promise<TokenError> {
    const origin = `subject ${token.subject}, session ${token.sessionId}`;
    return (await this.store.isOutdated(token))
      ? new TokenError(tokenExpired, `the roles have changed: ${origin}`)
      : new TokenError(tokenRevoked, origin);
  }

  /** Verifies the signature again, because another instance may have added the key a moment ago. */
  private async verifyWithNewKeys(signed: string): Promise<Token> {
    await this.keys.reload();
    const token = this.verifySignature(signed);
    if (!token) throw new TokenError(tokenInvalid, 'no key has the kid of the token');
    return token;
  }

  /**
   * Makes every check that needs no database: form, key, signature and claims. Only the times of a token
   * that it knows are checked again.
   *
   * @returns null if no loaded key has the `kid` of the token
   */
  private verifySignature(signed: string): Token | null {
    const { ring } = this.keys;
    const known = this.verified.get(signed, ring);
    // A token that has expired gets the error of the complete check.
    if (known && this.reasonToRefuse(known.claims) === null) return known;
    const token = this.verifyCompletely(signed);
    if (token) this.verified.add(token, ring);
    return token;
  }

  private verifyCompletely(signed: string): Token | null {
    try {
      const [encodedHeader, encodedPayload, signature] = partsOf(signed);
      parseTokenPart(encodedPayload);
      decodeBase64url(signature);
      const found = this.findKey(encodedHeader);
      if (!found) return null;
      const { header, key } = found;
      const options = { ...this.options, algorithms: [...key.algorithms] };
      const claims = withoutStackTraces(() =>
        jsonwebtoken.verify(signed, key.verifying, options),
      ) as Claims;
      const reason = this.reasonToRefuse(claims);
      if (reason !== null) throw new TokenError(tokenInvalid, reason);
      if (isOfOtherType(header, claims.type)) {
        throw new TokenError(tokenInvalid, `typ is not that of a token of type ${claims.type}`);
      }
      return new Token(signed, header, claims);
    } catch (error) {
      throw tokenErrorOf(error);
    }
  }

  private reasonToRefuse(claims: Readonly<Claims>): string | null {
    return refuseClaims(claims, this.config, Date.now() / 1000);
  }

  /**
   * Returns the checked header, and the key that the token must be signed with.
   *
   * @returns null if no loaded key has its `kid`
   * @throws Error if the header is refused, or if the key does not have its `alg`
   */
  private findKey(encodedHeader: string): KnownHeader | null {
    const { ring } = this.keys;
    const isFull = this.knownHeaders.size >= MAX_KNOWN_HEADERS;
    if (ring !== this.ring || isFull) {
      this.ring = ring;
      this.knownHeaders.clear();
    }
    const known = this.knownHeaders.get(encodedHeader);
    if (known) return known;
    const header = parseTokenPart(encodedHeader);
    const reason = refuseHeader(header);
    if (reason !== null) throw new Error(reason);
    const key = this.keys.find(header.kid as string | undefined);
    if (!key) return null;
    const algorithm = key.algorithms.find((each) => each === header.alg);
    if (!algorithm) throw new Error('the key does not allow the alg of the token');
    const found = { header: Object.freeze({ ...header, alg: algorithm }), key };
    this.knownHeaders.set(encodedHeader, found);
    return found;
  }
}

/**
 * Converts an error of jsonwebtoken, or of a check before it, to the error that the client gets.
 * Keeps an `ApiError`.
 */
export function tokenErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const isExpired = error instanceof jsonwebtoken.TokenExpiredError;
  return new TokenError(isExpired ? tokenExpired : tokenInvalid, error);
}

/**
 * The three parts of a JWS in compact serialization (RFC 7515, section 7.1).
 *
 * @throws TokenError `token_invalid`
 */
export function partsOf(signed: string): [header: string, payload: string, signature: string] {
  const parts = typeof signed === 'string' ? signed.split('.') : [];
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || !header || !payload || !signature) {
    throw new TokenError(tokenInvalid, 'the token does not have three parts');
  }
  return [header, payload, signature];
}
