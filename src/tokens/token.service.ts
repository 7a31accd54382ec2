import { randomBytes, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { AppConfig } from '../config/app-config.js';
import { refuseClaims, TOKEN_TYPES } from './claims.js';
import type { TokenKey } from '../keys/token-key.js';
import { TokenKeys } from '../keys/token-keys.js';
import { parseTokenPart } from './token-part.js';
import { TokenError, tokenExpired, tokenInvalid, type TokenType } from './token-errors.js';
import { addOwnClaims, TokenHookRunner } from './token-hooks.js';
import { TokenStore } from './token-store.js';
import { partsOf, TokenVerifier, type VerifyOptions } from './token-verifier.js';
import { type Claims, Token, type UnverifiedToken } from './token.js';

interface RefreshTokenOptions {
  /** Claims in addition to the registered ones. */
  claims?: Record<string, unknown>;
  /** The lifetime in seconds. Default: that of the settings. */
  expiresIn?: number;
  /**
   * The session that the token belongs to. A session accepts its current refresh token, or the
   * first one if it has none; any other counts as rotated.
   */
  sessionId?: string;
  /** The end of the session, in milliseconds since 1970. The token does not expire later. */
  notAfter?: number;
  /** Milliseconds since 1970. Default: now. */
  issuedAt?: number;
  /**
   * Whether the token gets the claim `csrf`, a random value. Only such a token can be sent in a
   * cookie by requests that change something: they repeat the value in the header `X-CSRF-TOKEN`.
   */
  csrf?: boolean;
}

export interface AccessTokenOptions extends RefreshTokenOptions {
  /** The authorizations of the token. Default: none. */
  scope?: Record<string, unknown>;
  /** Whether the token comes from a login. Default: false. */
  fresh?: boolean;
  /**
   * The role version of the user whose roles gave the scope; the token is refused when it changes.
   * Default: none, and the token keeps its scope.
   */
  roleVersion?: number;
}

/** Issues, verifies, decodes and revokes tokens. */
@Injectable()
export class TokenService {
  constructor(
    private readonly jwt: JwtService,
    private readonly keys: TokenKeys,
    private readonly hooks: TokenHookRunner,
    private readonly verifier: TokenVerifier,
    private readonly store: TokenStore,
    private readonly config: AppConfig,
  ) {}

  /**
   * @param subject becomes the claim `sub`; 1 to 255 characters
   * @throws TypeError or RangeError if the service would refuse the token
   * @throws TokenError `token_expired` if the session ends too early for a token
   * @throws Error if a claim is a registered one, or what a hook throws
   */
  createAccessToken(subject: string, options: AccessTokenOptions = {}): Promise<Token> {
    const { fresh = false, scope = {}, roleVersion } = options;
    const own = { fresh, scope, ...(roleVersion !== undefined && { rv: roleVersion }) };
    const lifetime = this.config.accessTokenLifetime;
    return this.issue('access', subject, { expiresIn: lifetime, ...options }, own);
  }

  /** As `createAccessToken`, but a refresh token has no scope and is never fresh. */
  createRefreshToken(subject: string, options: RefreshTokenOptions = {}): Promise<Token> {
    const lifetime = this.config.refreshTokenLifetime;
    return this.issue('refresh', subject, { expiresIn: lifetime, ...options }, {});
  }

  /**
   * Checks everything about a token: form, signature, claims, revocation and session.
   *
   * @throws TokenError `token_invalid`, `token_expired`, `wrong_token_type` or `token_revoked`
   */
  verify(signed: string, options: VerifyOptions = {}): Promise<Token> {
    return this.verifier.verify(signed, options);
  }

  /**
   * Decodes a token without verifying it.
   *
   * @throws TokenError `token_invalid` if it cannot be decoded
   */
  decode(signed: string): UnverifiedToken {
    const [header, payload] = partsOf(signed);
    try {
      const [members, claims] = [parseTokenPart(header), parseTokenPart(payload)];
      return { unverified: true, signed, header: members, claims };
    } catch (error) {
      throw new TokenError(tokenInvalid, error);
    }
  }

  /** Revokes this one token at every instance. Revoking it again changes nothing. */
  revoke(token: Token): Promise<void> {
    return this.store.revoke(token);
  }

  private async issue(
    type: TokenType,
    subject: string,
    options: RefreshTokenOptions & { expiresIn: number },
    own: Pick<Claims, 'fresh' | 'scope' | 'rv'>,
  ): Promise<Token> {
    const claims = this.claimsFor(type, subject, options, own);
    const { algorithm } = this.keys.ring.signing;
    const draft = () => new Token('', { alg: algorithm }, structuredClone(claims));
    const added = await this.hooks.addClaims(draft);
    if (type === 'access') {
      const entries = await this.hooks.addScope(draft);
      // Keeps an invalid scope, which `sign` refuses.
      if (Object.keys(entries).length > 0) claims.scope = { ...claims.scope, ...entries };
    }
    // Reads the signing key again, because it may have changed while the hooks ran.
    const token = this.sign({ ...claims, ...added }, this.keys.ring.signing);
    await this.hooks.issued(token);
    return token;
  }

  private claimsFor(
    type: TokenType,
    subject: string,
    options: RefreshTokenOptions & { expiresIn: number },
    own: Pick<Claims, 'fresh' | 'scope' | 'rv'>,
  ): Claims {
    const { sessionId, notAfter = Infinity, issuedAt = Date.now(), expiresIn } = options;
    if (!Number.isSafeInteger(expiresIn) || expiresIn < 1) {
      throw new RangeError('expiresIn must be a whole number of seconds, at least 1.');
    }
    const { jwtIssuer, jwtAudience } = this.config;
    const now = Math.floor(issuedAt / 1000);
    const exp = Math.min(now + expiresIn, Math.floor(notAfter / 1000));
    if (exp <= now)
      throw new TokenError(tokenExpired, 'the session ends before the token could be valid');
    const claims: Claims = {
      ...(jwtIssuer !== null && { iss: jwtIssuer }),
      ...(jwtAudience !== null && { aud: jwtAudience }),
      sub: subject,
      ...(sessionId !== undefined && { sid: sessionId }),
      jti: randomUUID(),
      type,
      iat: now,
      nbf: now,
      exp,
      ...(options.csrf === true && { csrf: randomBytes(16).toString('base64url') }),
      ...own,
    };
    addOwnClaims(claims, options.claims);
    return JSON.parse(JSON.stringify(claims)) as Claims;
  }

  private sign(claims: Claims, { id, algorithm, signing }: TokenKey): Token {
    // Does not issue a token that the service would refuse.
    const reason = refuseClaims(claims, this.config, claims.iat);
    if (reason !== null) throw new TypeError(`The token cannot be issued: ${reason}.`);
    const typ = claims.type === 'access' ? this.config.jwtTyp : TOKEN_TYPES.refresh;
    const header = { alg: algorithm, typ, kid: id };
    return new Token(this.jwt.sign(claims, { privateKey: signing, header }), header, claims);
  }
}
