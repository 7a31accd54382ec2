import { pause } from './locks.js';

export type Fetch = (request: Request) => Promise<Response>;

const MAX_RETRIES = 2;
/** A pause is random, so that clients do not all come back at once, and the second one is longer. */
const PAUSE_MS = 500;
/** The client does not wait longer for a service that names a time. */
const MAX_PAUSE_MS = 10_000;

export const IDEMPOTENCY_KEY = 'idempotency-key';

/**
 * Whether a request can be sent again if its answer was lost: it changes nothing, or the service
 * recognizes it by its key. `PUT`, `PATCH` and `DELETE` are not, because their second answer would
 * differ (404, or 412 with `If-Match`).
 */
function isRepeatable({ method, headers }: Request): boolean {
  return method === 'GET' || method === 'HEAD' || headers.has(IDEMPOTENCY_KEY);
}

/**
 * Sends a request, and sends it again after a network error or a temporary one of the service.
 *
 * @param repeatable whether the request may be sent again
 */
export async function sendWithRetries(
  fetch: Fetch,
  request: Request,
  repeatable = isRepeatable(request),
): Promise<Response> {
  for (let retry = 0; ; retry++) {
    const isLast = !repeatable || retry === MAX_RETRIES;
    let wait = PAUSE_MS * (retry + Math.random());
    try {
      // The body of a request can be read once, so each attempt needs a copy.
      const response = await fetch(request.clone());
      if (isLast || !(await isTemporary(response))) return response;
      wait += (retryAfterOf(response) ?? 0) * 1000;
      if (wait > MAX_PAUSE_MS) return response;
      await response.body?.cancel();
    } catch (error) {
      if (isLast || request.signal.aborted) throw error;
    }
    await pause(wait, request.signal);
  }
}

async function isTemporary(response: Response): Promise<boolean> {
  const { status } = response;
  if (status === 409) return (await codeOf(response)) === 'idempotency_in_progress';
  return status >= 502 && status <= 504;
}

/** The `code` of an error, if the response is one of the service. */
export function codeOf(response: Response): Promise<string> {
  return response
    .clone()
    .json()
    .then(
      (body: unknown) => String((body as { code?: unknown } | null)?.code),
      () => '',
    );
}

/** The seconds in `Retry-After`. The service sends no date there. */
export function retryAfterOf({ headers }: Response): number | undefined {
  return Number(headers.get('retry-after')) || undefined;
}
