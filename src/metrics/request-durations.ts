import { Histogram, type Registry } from 'prom-client';
import type { RequestObserver } from '../operation/answered-requests.js';

/** Seconds. A small read takes less than a millisecond, and a login 50 ms. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Measures requests by method, pattern of the route, and status. A request without a route has the
 * route `unmatched`. If the client hung up before the response was complete, the status is
 * `aborted`.
 */
export function measureRequests(registry: Registry): RequestObserver {
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Seconds from the head of a request to the end of its response.',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers: [registry],
  });
  return ({ method, route, status, aborted, duration }) => {
    const labels = { method, route: route ?? 'unmatched', status: aborted ? 'aborted' : status };
    durations.observe(labels, duration / 1000);
  };
}
