import type { JwtAlgorithm } from '../config/jwt-algorithms.js';
import type { TokenType } from './token-errors.js';

/** What every token holds (RFC 7519, section 4.1, and this service's own), once it was checked. */
export interface Claims {
  iss?: string;
  aud?: string | string[];
  /** Whom the token speaks for. */
  sub: string;
  /** The session; absent only where code made a token without one. */
  sid?: string;
  jti: string;
  type: TokenType;
  /** Seconds since 1970, as are `nbf` and `exp`. */
  iat: number;
  nbf: number;
  exp: number;
  /** Access tokens: whether it comes from a login rather than from a refresh. */
  fresh?: boolean;
  /** Access tokens: what its bearer may do. */
  scope?: Record<string, unknown>;
  /** What a request has to repeat that sends the token as a cookie. */
  csrf?: string;
  [claim: string]: unknown;
}

/** The claims that this service sets itself. Hooks and options neither add nor change them. */
export const RESERVED_CLAIMS: readonly string[] = [
  ...['iss', 'aud', 'sub', 'sid', 'jti', 'type', 'iat', 'nbf', 'exp'],
  ...['fresh', 'scope', 'csrf'],
  // An assignment to it would change the prototype of an object.
  '__proto__',
];

/** RFC 7515, section 4.1. */
export interface TokenHeader {
  alg: JwtAlgorithm;
  kid?: string;
  [parameter: string]: unknown;
}

/** A token that was issued or that verified, as handlers and hooks see it. */
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

  /** Whom the token speaks for. */
  get subject(): string {
    return this.claims.sub;
  }

  /** Null for a token that code made without a session. */
  get sessionId(): string | null {
    return this.claims.sid ?? null;
  }

  get id(): string {
    return this.claims.jti;
  }

  get scope(): Readonly<Record<string, unknown>> {
    return this.claims.scope ?? {};
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

  /** Seconds from its issue to its end. */
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

/** The decoded content of a token that was not verified. Anyone can write such a text. */
export interface UnverifiedToken {
  readonly unverified: true;
  readonly signed: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}
