import { type DynamicModule, Module } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsServer } from './metrics-server.js';
import { MetricsService } from './metrics.service.js';
import { RowCountsService } from './row-counts.service.js';
import { ServiceMetrics } from './service-metrics.js';

/** `GET /metrics`, on `METRICS_PORT` or, in development, on the port of the API. */
@Module({})
export class MetricsModule {
  static forRoot({ monitoring: { metrics } }: Pick<AppConfig, 'monitoring'>): DynamicModule {
    return {
      module: MetricsModule,
      global: true,
      controllers: metrics.onMainPort ? [MetricsController] : [],
      providers: [MetricsService, MetricsServer, ServiceMetrics, RowCountsService],
      exports: [MetricsService],
    };
  }
}
