import { Logger } from '@nestjs/common';
import { AbstractLogger, type LogLevel, type LogMessage } from 'typeorm';

type Messages = LogMessage | string | number | (LogMessage | string | number)[];

/** Lets TypeORM write to the log. By default it prints to the console, also in production. */
export class DatabaseLog extends AbstractLogger {
  private readonly logger = new Logger('TypeORM');

  protected writeLog(level: LogLevel, messages: Messages): void {
    for (const { type, prefix, message } of this.prepareLogMessages(messages, {
      highlightSql: false,
    })) {
      const text = [prefix ?? [], message].flat().join(' ');
      // TypeORM reports a migration only if it has failed.
      if (['error', 'query-error', 'migration'].includes(type ?? level)) this.logger.error(text);
      else if (['warn', 'query-slow'].includes(type ?? level)) this.logger.warn(text);
      else this.logger.log(text);
    }
  }
}
