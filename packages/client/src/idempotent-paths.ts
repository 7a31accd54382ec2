/** The paths whose POST takes an `Idempotency-Key`. Written by `npm run client`. */
export const idempotentPaths: readonly string[] = [
  '/api/users',
  '/api/ships',
  '/api/books',
];
