import cluster from 'node:cluster';
import { Logger } from '@nestjs/common';
import { StartError } from './errors/start-error.js';
import { AppConfig } from './config/app-config.js';
import { protectOutput } from './logging/process-output.js';
import { ServiceLogger } from './logging/service-logger.js';

const countLostLines = protectOutput();
try {
  const config = AppConfig.load();
  // Each process loads only what it needs.
  if (config.limits.workers > 1 && cluster.isPrimary) {
    const { Primary } = await import('./workers/primary.js');
    const { production, logLevel, limits, shutdownDelay } = config;
    Logger.overrideLogger(new ServiceLogger({ json: production, level: logLevel }));
    new Primary({ workers: limits.workers, shutdownDelay }).start();
  } else {
    const { serve } = await import('./serve.js');
    await serve(config, countLostLines);
  }
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  process.exit(1);
}
