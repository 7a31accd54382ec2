import { Logger } from '@nestjs/common';
import { createApp } from './app.setup.js';
import { SecurityEvents } from './common/security-events.js';
import { StartError } from './common/start-error.js';
import { AppConfig } from './config/app-config.js';
import { protectOutput } from './operation/process-output.js';
import { shutDownOnSignals } from './operation/shutdown.js';

const countLostLines = protectOutput();
try {
  const config = AppConfig.load();
  const app = await createApp(config);
  shutDownOnSignals(app);
  const events = app.get(SecurityEvents);
  countLostLines((lines, cause) => events.count('log_lost', cause, lines));
  const logger = new Logger('Main');
  for (const warning of config.warnings) logger.warn(warning);
  sayCompatibility(config, logger);
  await app.listen(config.port, config.host).catch(explain);
  const url = await app.getUrl();
  logger.log(`The API is at ${url}/api`);
  if (config.docs) logger.log(`The docs are at ${url}/docs`);
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  process.exit(1);
}

/** Says which of the two sets of rules for users holds. In production the weaker one is a warning. */
function sayCompatibility({ flaskCompat, production }: AppConfig, logger: Logger): void {
  if (!flaskCompat) {
    logger.log('FLASK_COMPAT is false: lists of users are for administrators.');
    return;
  }
  const sentence =
    'FLASK_COMPAT is true: lists of users are open, and a PUT changes a password without the current one.';
  if (production) logger.warn(sentence);
  else logger.log(sentence);
}

function explain(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EADDRINUSE') throw error;
  throw new StartError(`${error.message}; stop what listens there, or set PORT to another.`);
}
