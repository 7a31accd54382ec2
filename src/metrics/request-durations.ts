import type { Metric, Registry } from 'prom-client';
import type { RequestObserver } from '../operation/answered-requests.js';

const NAME = 'http_request_duration_seconds';
const HELP = 'Seconds from the head of a request to the end of its response.';

/** Seconds. A small read takes less than a millisecond, and a login 50 ms. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The durations of the requests of one method, route and status. */
interface Durations {
  labels: { method: string; route: string; status: string };
  /** The number of durations in each of `BUCKETS`, and of those that are longer. */
  counts: number[];
  /** In seconds. */
  sum: number;
}

/**
 * Measures requests by method, pattern of the route, and status. A request without a route has the
 * route `unmatched`. If the client hung up before the response was complete, the status is
 * `aborted`.
 *
 * prom-client's `Histogram` makes a text of the labels for each duration, which costs several times as
 * much as this.
 */
class RequestDurations {
  /** By this name the registry knows it. */
  readonly name = NAME;
  /** By route, method and status. */
  private readonly durations = new Map<string, Map<string, Map<number | string, Durations>>>();

  /** @param seconds the duration */
  record(method: string, route: string, status: number | string, seconds: number): void {
    const durations =
      this.durations.get(route)?.get(method)?.get(status) ?? this.add(method, route, status);
    let bucket = 0;
    while (bucket < BUCKETS.length && seconds > BUCKETS[bucket]!) bucket++;
    durations.counts[bucket]!++;
    durations.sum += seconds;
  }

  /** Read by the registry when the metrics are collected. */
  async get() {
    const all = [...this.durations.values()].flatMap((methods) =>
      [...methods.values()].flatMap((statuses) => [...statuses.values()]),
    );
    const values = all.flatMap(valuesOf);
    return { name: NAME, help: HELP, type: 'histogram', aggregator: 'sum', values };
  }

  private add(method: string, route: string, status: number | string): Durations {
    const methods = this.durations.get(route) ?? new Map<string, Map<number | string, Durations>>();
    this.durations.set(route, methods);
    const statuses = methods.get(method) ?? new Map<number | string, Durations>();
    methods.set(method, statuses);
    const labels = { method, route, status: String(status) };
    const durations = { labels, counts: BUCKETS.map(() => 0).concat(0), sum: 0 };
    statuses.set(status, durations);
    return durations;
  }
}

/** The values of the text format: buckets, each with the shorter ones, the sum and the count. */
function valuesOf({ labels, counts, sum }: Durations) {
  let count = 0;
  const buckets = counts.map((each, index) => {
    count += each;
    return {
      metricName: `${NAME}_bucket`,
      labels: { ...labels, le: BUCKETS[index] ?? '+Inf' },
      value: count,
    };
  });
  return [
    ...buckets,
    { metricName: `${NAME}_sum`, labels, value: sum },
    { metricName: `${NAME}_count`, labels, value: count },
  ];
}

export function measureRequests(registry: Registry): RequestObserver {
  const durations = new RequestDurations();
  registry.registerMetric(durations as unknown as Metric);
  return ({ method, route, status, aborted, duration }) =>
    durations.record(method, route ?? 'unmatched', aborted ? 'aborted' : status, duration / 1000);
}
