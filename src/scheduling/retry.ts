import { ApiError, serviceUnavailable } from '../errors/api-error.js';

const MAX_TRIES = 3;

/** A change failed, because another request has changed the rows since they were read. */
export class ConflictError extends ApiError {
  constructor(cause: string) {
    super(serviceUnavailable, { headers: { 'retry-after': '1' }, cause });
  }
}

/**
 * Runs a change, and runs it again after a transient error, three times in all.
 *
 * @param isTransient whether to try again after an error; by default only after a `ConflictError`
 * @throws the error of the last try
 */
export async function retry<T>(
  change: () => Promise<T>,
  isTransient: (error: unknown) => boolean = (error) => error instanceof ConflictError,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await change();
    } catch (error) {
      if (tries === MAX_TRIES || !isTransient(error)) throw error;
    }
  }
}
