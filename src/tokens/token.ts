import type { JwtAlgorithm } from '../config/jwt-algorithms.js';
import type { TokenType } from './token-errors.js';

/**
 * The claims of a verified token: registered ones (RFC 7519, section 4.1) and those of this
 * service.
 */
export interface Claims {
  iss?: string;
  aud?: string | string[];
  /** The subject of the token: the id of a user, unless code issued it for another subject. */
  sub: string;
  /** The id of the session; absent only if code issued the token without one. */
  sid?: string;
  jti: string;
  type: TokenType;
  /** Seconds since 1970. */
  iat: number;
  /** Seconds since 1970. */
  nbf: number;
  /** Seconds since 1970. */
  exp: number;
  /** Access tokens only: whether the token comes from a login and not from a refresh. */
  fresh?: boolean;
  /** Access tokens only: the authorizations of the token. */
  scope?: Record<string, unknown>;
  /**
   * Access tokens only: the role version of the user. The token is refused if the user has another
   * one. A token without it, which code or another service issued, keeps its scope.
   */
  rv?: number;
  /** The value that a request has to repeat in a header if it sends the token in a cookie. */
  csrf?: string;
  [claim: string]: unknown;
}

/** The claims that this service sets itself. Hooks and options can neither add nor change them. */
export const RESERVED_CLAIMS: readonly string[] = [
  ...['iss', 'aud', 'sub', 'sid', 'jti', 'type', 'iat', 'nbf', 'exp'],
  ...['fresh', 'scope', 'rv', 'csrf'],
  // An assignment to it would change the prototype of an object.
  '__proto__',
];

/** The header of a token (RFC 7515, section 4.1). */
export interface TokenHeader {
  alg: JwtAlgorithm;
  kid?: string;
  [parameter: string]: unknown;
}

/** An issued or verified token, as handlers and hooks see it. */
export class Token {
  constructor(
    /** The token as it is sent; empty while it is not signed yet. */
    readonly signed: string,
    readonly header: Readonly<TokenHeader>,
    readonly claims: Readonly<Claims>,
  ) {}

  isSigned(): boolean {
    return this.signed !== '';
  }

  get type(): TokenType {
    return this.claims.type;
  }

  /** The claim `sub`. */
  get subject(): string {
    return this.claims.sub;
  }

  /** Null for a token that code issued without a session. */
  get sessionId(): string | null {
    return this.claims.sid ?? null;
  }

  get id(): string {
    return this.claims.jti;
  }

  get scope(): Readonly<Record<string, unknown>> {
    return this.claims.scope ?? {};
  }

  /** The claim `rv` of an access token; null if there is none. */
  get roleVersion(): number | null {
    return this.type === 'access' ? (this.claims.rv ?? null) : null;
  }

  get fresh(): boolean {
    return this.claims.fresh === true;
  }

  get issuer(): string | null {
    return this.claims.iss ?? null;
  }

  get audience(): string | readonly string[] | null {
    return this.claims.aud ?? null;
  }

  get issuedAt(): Date {
    return new Date(this.claims.iat * 1000);
  }

  get expiresAt(): Date {
    return new Date(this.claims.exp * 1000);
  }

  /** The lifetime of the token in seconds, from `iat` to `exp`. */
  get maxAge(): number {
    return this.claims.exp - this.claims.iat;
  }

  get algorithm(): JwtAlgorithm {
    return this.header.alg;
  }

  /** The header `kid`; null for a token that another service signed without one. */
  get keyId(): string | null {
    return this.header.kid ?? null;
  }
}

/** The decoded content of a token that was not verified. Anyone can forge it. */
export interface UnverifiedToken {
  readonly unverified: true;
  readonly signed: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}
