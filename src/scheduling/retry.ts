import { ApiError, serviceUnavailable } from '../errors/api-error.js';

const MAX_TRIES = 3;

/** An optimistic change found that another request had changed its rows since they were read. */
export class ConflictError extends ApiError {
  constructor(cause: string) {
    super(serviceUnavailable, { headers: { 'retry-after': '1' }, cause });
  }
}

/**
 * Runs a change again if another request was faster, three times in all.
 *
 * @param isTransient whether an error is worth another try; `ConflictError` is, by default
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
