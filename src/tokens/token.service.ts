import { randomUUID, type KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import jsonwebtoken from 'jsonwebtoken';
import { AppConfig } from '../config/app-config.js';
import { refuseClaims, refuseHeader } from './claims.js';
import { parseTokenPart } from './strict-json.js';
import {
  TokenError,
  tokenExpired,
  tokenInvalid,
  type TokenType,
  wrongTokenType,
} from './token-error.js';
import { TokenKeys } from './token-keys.js';
import { type Claims, Token } from './token.js';

export interface AccessTokenOptions {
  sessionId?: string;
  /** Milliseconds since 1970 after which no token of the session is valid. */
  notAfter?: number;
  /** Milliseconds since 1970; now, where it is left out. */
  issuedAt?: number;
  scope?: Record<string, unknown>;
  /** Whether it comes from a login. */
  fresh?: boolean;
}

export type RefreshTokenOptions = Pick<AccessTokenOptions, 'sessionId' | 'notAfter' | 'issuedAt'>;

export interface IssuedToken {
  signed: string;
  /** Seconds. */
  expiresIn: number;
}

/** Issues tokens and checks them. Whether a token was revoked is for `TokenStateRepository`. */
@Injectable()
export class TokenService {
  /** The latest header in which nothing was wrong. */
  private goodHeader = '';

  constructor(
    private readonly jwt: JwtService,
    private readonly keys: TokenKeys,
    private readonly config: AppConfig,
  ) {}

  /** @param subject becomes the claim `sub` */
  createAccessToken(subject: string, options: AccessTokenOptions = {}): IssuedToken {
    const { fresh = false, scope = {} } = options;
    return this.sign('access', subject, options, { fresh, scope });
  }

  /** @param subject becomes the claim `sub` */
  createRefreshToken(subject: string, options: RefreshTokenOptions = {}): IssuedToken {
    return this.sign('refresh', subject, options, {});
  }

  /**
   * Reads a token's header, before anything in it is trusted, and gives the key to check it with.
   *
   * @throws TokenError `token_invalid` where the token is malformed
   */
  keyFor(signed: string): KeyObject {
    const parts = signed.split('.');
    const [header, payload, signature] = parts;
    if (parts.length !== 3 || !header || !payload || !signature) {
      throw new TokenError(tokenInvalid, 'it has not three parts');
    }
    let reason: string | null = null;
    try {
      // All tokens of one key have the same header, letter for letter.
      if (header !== this.goodHeader) reason = refuseHeader(parseTokenPart(header));
      parseTokenPart(payload);
    } catch (error) {
      throw new TokenError(tokenInvalid, error);
    }
    // Other spellings of the same bytes would make several tokens of one.
    if (Buffer.from(signature, 'base64url').toString('base64url') !== signature) {
      reason = 'the signature is no canonical base64url';
    }
    if (reason !== null) throw new TokenError(tokenInvalid, reason);
    this.goodHeader = header;
    return this.keys.signing;
  }

  /** How jsonwebtoken is to check a token whose key is the one of `keyFor`. */
  get verifyOptions() {
    return {
      algorithms: [...this.config.jwtAlgorithms],
      // Checked with the other claims, to a fraction of a second.
      ignoreNotBefore: true,
      ...(this.config.jwtIssuer !== null && { issuer: this.config.jwtIssuer }),
      ...(this.config.jwtAudience !== null && { audience: this.config.jwtAudience }),
    };
  }

  /**
   * Checks the claims of a token whose signature has been verified.
   *
   * @throws TokenError `token_invalid`, or `wrong_token_type` where `type` is the other one
   */
  accept(signed: string, payload: Record<string, unknown>, type: TokenType): Token {
    const reason = refuseClaims(payload, this.config, Date.now() / 1000);
    if (reason !== null) throw new TokenError(tokenInvalid, reason);
    const token = new Token(signed, payload as Claims);
    if (token.type !== type) throw new TokenError(wrongTokenType[type]);
    return token;
  }

  /** What is wrong with a token that Passport did not let in, as one of our own errors. */
  refusal(reason: unknown): TokenError {
    if (reason instanceof TokenError) return reason;
    const expired = reason instanceof jsonwebtoken.TokenExpiredError;
    return new TokenError(expired ? tokenExpired : tokenInvalid, reason);
  }

  private sign(
    type: TokenType,
    subject: string,
    { sessionId, notAfter = Infinity, issuedAt = Date.now() }: RefreshTokenOptions,
    own: Pick<Claims, 'fresh' | 'scope'>,
  ): IssuedToken {
    const { config } = this;
    const lifetime = type === 'access' ? config.accessTokenLifetime : config.refreshTokenLifetime;
    const now = Math.floor(issuedAt / 1000);
    const exp = Math.min(now + lifetime, Math.floor(notAfter / 1000));
    const claims: Claims = {
      ...(config.jwtIssuer !== null && { iss: config.jwtIssuer }),
      ...(config.jwtAudience !== null && { aud: config.jwtAudience }),
      sub: subject,
      ...(sessionId !== undefined && { sid: sessionId }),
      jti: randomUUID(),
      type,
      iat: now,
      nbf: now,
      exp,
      ...own,
    };
    return {
      signed: this.jwt.sign(claims, { algorithm: config.jwtAlgorithm }),
      expiresIn: exp - now,
    };
  }
}
