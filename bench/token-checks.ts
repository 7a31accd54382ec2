import { JWT_ALGORITHMS, type JwtAlgorithm } from '../src/config/jwt-algorithms.js';

/** The check of a token that is signed with one algorithm. */
export interface TokenCheck {
  /** The name of the check for `--only`. */
  name: string;
  algorithm: JwtAlgorithm;
}

export const tokenChecks: readonly TokenCheck[] = JWT_ALGORITHMS.map((algorithm) => ({
  name: `check-${algorithm.toLowerCase()}`,
  algorithm,
}));
