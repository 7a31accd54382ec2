import { Logger } from '@nestjs/common';
import { createApp } from './app.setup.js';
import { SecurityEventsService } from './logging/security-events.service.js';
import { StartError } from './errors/start-error.js';
import { AppConfig } from './config/app-config.js';
import { protectOutput } from './logging/process-output.js';
import { shutDownOnSignals } from './operation/shutdown.js';
import { startLines } from './start-lines.js';

const countLostLines = protectOutput();
try {
  const config = AppConfig.load();
  const app = await createApp(config);
  shutDownOnSignals(app);
  const events = app.get(SecurityEventsService);
  countLostLines((lines, cause) => events.count('log_lost', cause, lines));
  const logger = new Logger('Main');
  for (const warning of config.warnings) logger.warn(warning);
  if (config.production && config.flaskCompat) {
    logger.warn(
      'FLASK_COMPAT is true: user lists are public, and a PUT changes a password without the current one.',
    );
  }
  await app.listen(config.port, config.host).catch(explain);
  for (const line of await startLines(app)) logger.log(line);
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  process.exit(1);
}

function explain(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EADDRINUSE') throw error;
  throw new StartError(
    `${error.message}; stop the process that listens there, or set PORT to another port.`,
  );
}
