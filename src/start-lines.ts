import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppConfig, type DatabaseSettings } from './config/app-config.js';
import { packageInfo } from './config/package-info.js';
import { DemoLoginsService } from './home/demo-logins.service.js';

/** Returns the lines that the log shows as soon as the service listens. */
export async function startLines(app: NestFastifyApplication): Promise<string[]> {
  const config = app.get(AppConfig);
  const url = await app.getUrl();
  const logins = await app.get(DemoLoginsService, { strict: false }).list();
  const lines = [
    `${versions()}, in ${config.production ? 'production' : 'development'}; FLASK_COMPAT is ${config.flaskCompat}`,
    `The database is ${describeDatabase(config.database)}`,
  ];
  if (logins.length > 0) {
    const pairs = logins.map(({ name, password }) => `${name}/${password}`);
    lines.push(`Demo logins: ${pairs.join(', ')}`);
  }
  if (config.docs) lines.push(`The docs are at ${url}/docs`);
  // The last line, because people see it first. The address shows an overview to a browser.
  lines.push(`The API is at ${url}/`);
  return lines;
}

function versions(): string {
  return `${packageInfo.name} ${packageInfo.version} on Node ${process.versions.node}`;
}

/** Leaves out the user name and the password of a server. */
export function describeDatabase(settings: DatabaseSettings): string {
  if (settings.engine === 'sqlite') return `the SQLite file ${settings.file}`;
  const { host, pathname } = new URL(settings.url);
  return `PostgreSQL, ${host}${pathname}`;
}
