import { Logger } from '@nestjs/common';
import { createApp } from './app.setup.js';
import type { AppConfig } from './config/app-config.js';
import { StartError } from './errors/start-error.js';
import type { protectOutput } from './logging/process-output.js';
import { SecurityEventsService } from './logging/security-events.service.js';
import { shutDownOnSignals } from './operation/shutdown.js';
import { startLines } from './start-lines.js';
import { isFirstProcess, workerChannel } from './workers/worker-channel.js';

/**
 * Serves requests in this process: the only one, or one of several workers.
 *
 * @throws StartError if the service cannot start
 */
export async function serve(
  config: AppConfig,
  countLostLines: ReturnType<typeof protectOutput>,
): Promise<void> {
  const app = await createApp(config);
  shutDownOnSignals(app);
  const events = app.get(SecurityEventsService);
  countLostLines((lines, cause) => events.count('log_lost', cause, lines));
  const logger = new Logger('Main');
  if (isFirstProcess) for (const warning of warningsOf(config)) logger.warn(warning);
  await app.listen(config.port, config.host).catch(explain);
  if (isFirstProcess) for (const line of await startLines(app)) logger.log(line);
  workerChannel?.ready();
}

function warningsOf({ warnings, production, flaskCompat }: AppConfig): string[] {
  if (!production || !flaskCompat) return [...warnings];
  return [
    ...warnings,
    'FLASK_COMPAT is true: user lists are public, and a PUT changes a password without the current one.',
  ];
}

function explain(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EADDRINUSE') throw error;
  throw new StartError(
    `${error.message}; stop the process that listens there, or set PORT to another port.`,
  );
}
