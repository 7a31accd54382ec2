import type { SettingsReader } from './settings-reader.js';

/** The routes of the bookstore tutorial. */
export interface BookstoreSettings {
  /** Whether the routes exist. */
  readonly enabled: boolean;
  /** Lifetime in seconds of the token that the login of the tutorial issues. */
  readonly tokenLifetime: number;
}

/** Seconds. Clients of the tutorial expect it. */
const TOKEN_LIFETIME = 45 * 60;

/**
 * Reads `BOOKSTORE`.
 *
 * @param accessTokenLifetime seconds; it shortens the token of the tutorial if it is set, and not the
 *   default
 */
export function readBookstoreSettings(
  read: SettingsReader,
  accessTokenLifetime: number,
): BookstoreSettings {
  const isSet = read.raw('JWT_ACCESS_TOKEN_EXPIRES') ?? read.raw('JWT_AUTHMAXAGE');
  const limit = isSet === undefined ? Infinity : accessTokenLifetime;
  return {
    enabled: read.flag('BOOKSTORE', true),
    tokenLifetime: Math.min(TOKEN_LIFETIME, limit),
  };
}
