/** A strategy while it runs (see passport-strategy's documentation). */
interface Running {
  success: (result: unknown) => void;
  fail: (reason: unknown) => void;
  error: (error: unknown) => void;
  authenticate: (request: unknown, options: object) => void;
}

/** Passport's way to say no, with what the strategy had to say of it. */
export class NotAuthenticated extends Error {}

/**
 * Runs a strategy on a request, by the interface that all of Passport's have: it calls `success`,
 * `fail` or `error`. This is what `passport.authenticate` does, without what it adds for Express,
 * and without its one register of strategies for the whole process.
 *
 * @param strategy one of Passport's, whose types would tie it to Express
 * @returns what the strategy's `validate` gave
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
