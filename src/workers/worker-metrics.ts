import { AggregatorRegistry } from 'prom-client';
import type { WorkerMetric } from './messages.js';

/** The types of metrics whose values only grow. */
const CUMULATIVE: ReadonlySet<string> = new Set(['counter', 'histogram', 'summary']);

/**
 * Adds up the metrics of all workers. The last known counts of workers that have ended are part of
 * the sums: otherwise a sum would fall, and Prometheus would take that for a restart from 0, and
 * count the rest once more.
 */
export class WorkerMetrics<Worker> {
  /** As they were last collected. */
  private readonly latest = new Map<Worker, WorkerMetric[]>();
  private ended: WorkerMetric[] = [];

  add(worker: Worker, metrics: WorkerMetric[]): void {
    this.latest.set(worker, metrics);
  }

  /** Keeps the counts of a worker that has ended. */
  end(worker: Worker): void {
    const metrics = this.latest.get(worker) ?? [];
    this.latest.delete(worker);
    const counts = metrics.filter(({ type }) => CUMULATIVE.has(type));
    const sums = aggregate([this.ended, counts]).getMetricsAsArray() as unknown as WorkerMetric[];
    this.ended = sums.map(({ name, help, type, aggregator, values }) => {
      return { name, help, type, aggregator, values };
    });
  }

  /** @param more metrics of the primary */
  async text(more: WorkerMetric[]): Promise<string> {
    return `${await aggregate([...this.latest.values(), this.ended, more]).metrics()}\n`;
  }
}

const aggregate = (metrics: WorkerMetric[][]) => AggregatorRegistry.aggregate(metrics);
