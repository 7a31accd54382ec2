import { beforeEach, describe, expect, it } from '@jest/globals';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { WorkerMetric } from '../../src/workers/messages.js';
import { WorkerMetrics } from '../../src/workers/worker-metrics.js';

describe('WorkerMetrics', () => {
  let metrics: WorkerMetrics<string>;

  beforeEach(() => {
    metrics = new WorkerMetrics();
  });

  /** The metrics of a worker that has answered requests, as they arrive in a message. */
  const metricsOf = async (requests: number, heap: number): Promise<WorkerMetric[]> => {
    const registers = [new Registry()];
    new Counter({ name: 'requests', help: 'h', labelNames: ['route'], registers }).inc(
      { route: '/a' },
      requests,
    );
    new Gauge({ name: 'heap', help: 'h', registers }).set(heap);
    new Gauge({ name: 'file', help: 'h', aggregator: 'max', registers }).set(7);
    const seconds = new Histogram({ name: 'seconds', help: 'h', buckets: [1], registers });
    for (let i = 0; i < requests; i++) seconds.observe(0.5);
    const json = await registers[0]!.getMetricsAsJSON();
    return JSON.parse(JSON.stringify(json)) as WorkerMetric[];
  };
  const text = () => metrics.text([]);

  it('adds up counters, histograms and gauges, and takes the maximum of what workers share', async () => {
    metrics.add('a', await metricsOf(3, 100));
    metrics.add('b', await metricsOf(4, 50));
    const lines = (await text()).split('\n');
    expect(lines).toContain('requests{route="/a"} 7');
    expect(lines).toContain('heap 150');
    expect(lines).toContain('file 7');
    expect(lines).toContain('seconds_bucket{le="1"} 7');
    expect(lines).toContain('seconds_count 7');
    expect(lines).toContain('# TYPE seconds histogram');
  });

  it('replaces what a worker has told before', async () => {
    metrics.add('a', await metricsOf(3, 100));
    metrics.add('a', await metricsOf(5, 100));
    expect(await text()).toContain('requests{route="/a"} 5');
  });

  it('keeps the counts of workers that have ended, and not their gauges', async () => {
    for (const worker of ['a', 'b', 'c']) metrics.add(worker, await metricsOf(3, 100));
    metrics.end('a');
    metrics.end('b');
    metrics.end('never told anything');
    const sums = await text();
    expect(sums).toContain('requests{route="/a"} 9');
    expect(sums).toContain('seconds_count 9');
    expect(sums).toContain('heap 100');
  });

  it('keeps counts if no worker is left', async () => {
    metrics.add('a', await metricsOf(3, 100));
    metrics.end('a');
    expect(await text()).toContain('requests{route="/a"} 3');
    expect(await text()).not.toContain('heap 1');
  });
});
