/** A running strategy (see the documentation of passport-strategy). */
interface Running {
  success: (result: unknown) => void;
  fail: (reason: unknown) => void;
  error: (error: unknown) => void;
  authenticate: (request: unknown, options: object) => void;
}

/** A strategy refused the request. The cause is the reason that the strategy gave. */
export class NotAuthenticated extends Error {}

/**
 * Runs a Passport strategy on a request. Every strategy calls `success`, `fail` or `error`.
 * `passport.authenticate` does the same, but it needs Express, and keeps one register of strategies
 * for the whole process.
 *
 * @param strategy a Passport strategy; the types of Passport would require Express
 * @returns the result of the strategy's `validate`
 * @throws NotAuthenticated, whose cause is the strategy's reason; or what `validate` threw
 */
export function runStrategy<T>(strategy: object, request: unknown): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const run = Object.create(strategy) as Running;
    run.success = (result) => resolve(result as T);
    run.fail = (reason) => reject(new NotAuthenticated('refused', { cause: reason }));
    run.error = reject;
    run.authenticate(request, {});
  });
}
