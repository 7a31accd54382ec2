import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, register as globalRegistry, Registry } from 'prom-client';
import type { WorkerMetric } from '../workers/messages.js';
import { workerChannel } from '../workers/worker-channel.js';

/**
 * The metrics of the application, in the text format of Prometheus. Features add their own with
 * prom-client: `new Counter({ name, help, registers: [metrics.registry] })`.
 */
@Injectable()
export class MetricsService {
  readonly registry = new Registry();

  constructor() {
    workerChannel?.answerCollections(() => this.collect());
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /**
   * Returns the metrics of this process, or the sums of all workers.
   *
   * @throws Error if a worker does not answer
   */
  async text(): Promise<string> {
    if (workerChannel) return workerChannel.ask('metrics', null);
    const texts = this.all().map(({ registry, name }) => registry.getSingleMetricAsString(name));
    return `${(await Promise.all(texts)).join('\n\n')}\n`;
  }

  private async collect(): Promise<WorkerMetric[]> {
    const metrics = this.all().map(({ registry, name }) => registry.getSingleMetric(name)!.get());
    // prom-client declares the type of a metric as a number, and it is a text.
    return (await Promise.all(metrics)) as unknown as WorkerMetric[];
  }

  /** Also contains what code has added to prom-client's global registry. */
  private all(): { registry: Registry; name: string }[] {
    const found = new Map<string, Registry>();
    for (const registry of [this.registry, processRegistry(), globalRegistry]) {
      for (const { name } of registry.getMetricsAsArray()) {
        if (!found.has(name)) found.set(name, registry);
      }
    }
    return [...found].map(([name, registry]) => ({ registry, name }));
  }
}

let registry: Registry | undefined;

/**
 * Event loop lag, heap, garbage collection, CPU time and open files. They are measured from the
 * first call on, and once, because they are those of the process.
 */
export function processRegistry(): Registry {
  if (registry === undefined) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
  }
  return registry;
}
