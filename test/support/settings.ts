import { AppConfig } from '../../src/config/app-config.js';
import { SettingsError } from '../../src/config/settings-reader.js';

/** Returns what is wrong with settings, one message for each problem. */
export function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    AppConfig.from(env);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}
