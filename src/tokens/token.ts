import type { TokenType } from './token-error.js';

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
  [claim: string]: unknown;
}

/** A token that verified, as handlers see it. */
export class Token {
  constructor(
    readonly signed: string,
    readonly claims: Readonly<Claims>,
  ) {}

  get type(): TokenType {
    return this.claims.type;
  }

  get subject(): string {
    return this.claims.sub;
  }

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

  get expiresAt(): Date {
    return new Date(this.claims.exp * 1000);
  }
}
