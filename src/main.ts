import { Logger } from '@nestjs/common';
import { createApp } from './app.setup.js';
import { StartError } from './common/start-error.js';
import { AppConfig } from './config/app-config.js';

try {
  const config = AppConfig.load();
  const app = await createApp(config);
  const logger = new Logger('Main');
  for (const warning of config.warnings) logger.warn(warning);
  await app.listen(config.port, config.host).catch(explain);
  const url = await app.getUrl();
  logger.log(`The API is at ${url}/api`);
  if (config.docs) logger.log(`The docs are at ${url}/docs`);
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  process.exit(1);
}

function explain(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EADDRINUSE') throw error;
  throw new StartError(`${error.message}; stop what listens there, or set PORT to another.`);
}
