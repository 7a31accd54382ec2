import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, register as globalRegistry, Registry } from 'prom-client';

/**
 * The metrics of the application, in the text format of Prometheus. Features add their own with
 * prom-client: `new Counter({ name, help, registers: [metrics.registry] })`.
 */
@Injectable()
export class MetricsService {
  readonly registry = new Registry();

  get contentType(): string {
    return this.registry.contentType;
  }

  /** Also contains what code has added to prom-client's global registry. */
  async text(): Promise<string> {
    const registries = [this.registry, processRegistry(), globalRegistry];
    const names = new Set<string>();
    const texts: Promise<string>[] = [];
    for (const registry of registries) {
      for (const { name } of registry.getMetricsAsArray()) {
        if (!names.has(name)) texts.push(registry.getSingleMetricAsString(name));
        names.add(name);
      }
    }
    return `${(await Promise.all(texts)).join('\n\n')}\n`;
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
