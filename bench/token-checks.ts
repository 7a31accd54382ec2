import { JWT_ALGORITHMS, type JwtAlgorithm } from '../src/config/jwt-algorithms.js';

/** The check of a token of one algorithm. */
export interface TokenCheck {
  /** What `--only` calls it. */
  name: string;
  algorithm: JwtAlgorithm;
}

export const tokenChecks: readonly TokenCheck[] = JWT_ALGORITHMS.map((algorithm) => ({
  name: `check-${algorithm.toLowerCase()}`,
  algorithm,
}));
