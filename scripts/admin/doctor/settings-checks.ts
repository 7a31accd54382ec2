import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { AppConfig } from '../../../src/config/app-config.js';
import { isOpenToOthers } from '../../../src/config/private-file.js';
import { SettingsError } from '../../../src/config/settings-reader.js';
import { fileModeWarnings } from '../../../src/database/sqlite/sqlite-file.js';
import { messageOf } from '../../../src/errors/error-message.js';
import { type Finding, findings, orOk } from './finding.js';

/** A warning about the setting that the check of the proxy reports. */
const ABOUT_PROXY = /^PUBLIC_URL /;

/** Returns the settings, or null if they are invalid. */
export function checkSettings(): { config: AppConfig | null; found: Finding[] } {
  const { ok, warning, problem } = findings('settings');
  try {
    const config = AppConfig.load({ needsKey: false });
    const warnings = config.warnings.filter((text) => !ABOUT_PROXY.test(text)).map(warning);
    const mode = config.production ? 'production' : 'development';
    return { config, found: orOk(warnings, ok(`All settings are valid, for ${mode}.`)) };
  } catch (error) {
    return { config: null, found: problemsOf(error).map(problem) };
  }
}

/** Returns the messages of an error, one for each invalid setting. */
export function problemsOf(error: unknown): readonly string[] {
  return error instanceof SettingsError ? error.problems : [messageOf(error)];
}

/** Whether other users of the machine may read or replace the database, keys or settings. */
export function checkPermissions({ production, jwt, database }: AppConfig): Finding[] {
  const { ok, warning, problem } = findings('permissions');
  const keyFiles = [
    ...('file' in jwt.keyStore ? [jwt.keyStore.file] : []),
    ...(jwt.key && 'secretFile' in jwt.key ? [jwt.key.secretFile] : []),
    ...(jwt.key && 'file' in jwt.key && jwt.key.file !== undefined ? [jwt.key.file] : []),
  ];
  const files = [...keyFiles, resolve('.env')].filter((file) => existsSync(file));
  const messages = [
    ...(database.engine === 'sqlite' && existsSync(database.file)
      ? fileModeWarnings(database.file)
      : []),
    ...files
      .filter(isOpenToOthers)
      .map((file) => `Others may read ${file}; run: chmod 600 ${file}`),
  ];
  return orOk(
    messages.map(production ? problem : warning),
    ok('Only the owner can read the database, the keys and the settings.'),
  );
}

/** Whether clients and links have the right addresses behind a proxy. */
export function checkProxy(config: AppConfig): Finding[] {
  const { ok, warning } = findings('proxy');
  if (!config.production) return [ok('In development no proxy is expected.')];
  const { host, trustedProxies, warnings } = config;
  const found = warnings.filter((text) => ABOUT_PROXY.test(text)).map(warning);
  if (trustedProxies.length === 0 && !/^(127\.|::1$|localhost$)/.test(host)) {
    found.unshift(
      warning(
        `TRUST_PROXY is not set, and the service listens at ${host}. If a proxy is in front of it, set TRUST_PROXY to its address; otherwise all clients share one address.`,
      ),
    );
  }
  const proxies = trustedProxies.join(', ') || 'none';
  return orOk(found, ok(`Trusted proxies: ${proxies}. Links begin with ${config.web.publicUrl}.`));
}
