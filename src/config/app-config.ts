import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'dotenv';
import { type BookstoreSettings, readBookstoreSettings } from './bookstore-settings.js';
import { readDemoData } from './demo-data.js';
import { type JwtSettings, readJwtSettings } from './jwt-settings.js';
import { isWritableByOthers } from './private-file.js';
import { LOG_LEVELS, type LogThreshold } from '../logging/log-levels.js';
import { type LimitSettings, readLimits } from './limit-settings.js';
import { type MonitoringSettings, readMonitoringSettings } from './monitoring-settings.js';
import { SettingsReader } from './settings-reader.js';
import { readWebSettings, type WebSettings } from './web-settings.js';

export interface SqliteSettings {
  readonly engine: 'sqlite';
  readonly file: string;
  /** Whether a missing file is created. */
  readonly create: boolean;
}

export interface PostgresSettings {
  readonly engine: 'postgres';
  readonly url: string;
  /** Whether statements have names, so that the server plans them once per connection. */
  readonly prepare: boolean;
  /** A standby that answers reads of callers without a token; null if there is none. */
  readonly replicaUrl?: string | null;
}

export type DatabaseSettings = SqliteSettings | PostgresSettings;

/** Cost of argon2id: memory in KiB, passes, lanes (RFC 9106, section 3.1). */
export interface PasswordHashCost {
  readonly memoryCost: number;
  readonly timeCost: number;
  readonly parallelism: number;
}

const ENVIRONMENTS = ['development', 'production', 'test'] as const;

/** RFC 9068, section 2.1, and RFC 7519, section 5.1. */
const ACCESS_TOKEN_TYPES = ['at+jwt', 'JWT'] as const;

/**
 * All settings, read and checked once at the start. All durations are in seconds. No other code of
 * the application reads the environment.
 */
export class AppConfig {
  readonly production: boolean;
  readonly host: string;
  readonly port: number;
  readonly database: DatabaseSettings;
  /** The configured key, and the algorithms. */
  readonly jwt: JwtSettings;
  readonly jwtIssuer: string | null;
  readonly jwtAudience: string | null;
  /** The number of seconds by which `nbf` and `iat` of a token may be ahead of the clock. */
  readonly jwtLeeway: number;
  /** The header `typ` of access tokens. */
  readonly jwtTyp: (typeof ACCESS_TOKEN_TYPES)[number];
  readonly accessTokenLifetime: number;
  readonly refreshTokenLifetime: number;
  readonly sessionMaxAge: number;
  /** Whether a refresh rotates the refresh token. */
  readonly refreshRotation: boolean;
  /** Seconds for which a rotated refresh token still returns its successor; 0 means never. */
  readonly refreshGrace: number;
  /** The maximum number of active sessions of a user, each with and without a refresh token. */
  readonly maxSessions: number;
  /** How long entries of the audit trail are kept. */
  readonly auditRetention: number;
  /** How the service is reached from outside, which cookies it sets, and how it protects writes. */
  readonly web: WebSettings;
  /** Metrics and traces. */
  readonly monitoring: MonitoringSettings;
  /** Whether an empty database is filled with demo data. */
  readonly demoData: boolean;
  readonly passwordMinLength: number;
  /** Whether users are listed and changed as in the Flask API; see docs/flask-clients.md. */
  readonly flaskCompat: boolean;
  /** Whether a registration needs an administrator's token. */
  readonly registrationClosed: boolean;
  readonly docs: boolean;
  /** The routes of the bookstore tutorial. */
  readonly bookstore: BookstoreSettings;
  /** The least severe level that is logged; refused tokens are `debug`. */
  readonly logLevel: LogThreshold;
  /** The least severe level of the lines about requests; a status of 500 or more is `error`. */
  readonly requestLogLevel: LogThreshold;
  readonly limits: LimitSettings;
  /** How long requests are served after a signal to shut down. */
  readonly shutdownDelay: number;
  /** Addresses and ranges of proxies whose forwarded headers are trusted. */
  readonly trustedProxies: readonly string[];
  /** Origins whose pages may read responses. */
  readonly corsOrigins: readonly string[];
  /** Not a setting: OWASP's first recommendation for argon2id. Tests may use less. */
  readonly passwordHashCost: PasswordHashCost;
  /** Problems that do not prevent the start. */
  readonly warnings: readonly string[];

  private constructor(read: SettingsReader, { needsKey = true } = {}) {
    const environment = read.choice('NODE_ENV', ENVIRONMENTS, 'development');
    this.production = environment === 'production';
    this.host = read.text('HOST') ?? (this.production ? '0.0.0.0' : '127.0.0.1');
    this.port = read.integer('PORT', 3000, 0, 65_535);
    this.database = readDatabase(read, this.production);
    this.jwt = readJwtSettings(read, {
      production: this.production,
      needsKey,
      folder: this.database.engine === 'sqlite' ? dirname(this.database.file) : resolve('data'),
    });
    this.jwtIssuer = read.text('JWT_ISSUER') ?? null;
    this.jwtAudience = read.text('JWT_AUDIENCE') ?? null;
    this.jwtLeeway = read.duration('JWT_LEEWAY', '5s', { bareUnit: 's', min: 0, max: 300 });
    this.jwtTyp = read.choice('JWT_TYP', ACCESS_TOKEN_TYPES, 'at+jwt');
    ({ access: this.accessTokenLifetime, refresh: this.refreshTokenLifetime } =
      readLifetimes(read));
    this.sessionMaxAge = read.duration('SESSION_MAX_AGE', '90d');
    this.refreshRotation = read.flag('REFRESH_ROTATION', true);
    this.refreshGrace = read.duration('REFRESH_GRACE', '30s', { bareUnit: 's', min: 0 });
    this.maxSessions = read.integer('MAX_SESSIONS', 100, 1, 500);
    this.auditRetention = read.duration('AUDIT_RETENTION', '90d');
    this.web = readWebSettings(read, this.production);
    this.monitoring = readMonitoringSettings(read, this);
    this.demoData = readDemoData(read, this.production);
    this.passwordMinLength = read.integer('PASSWORD_MIN_LENGTH', this.production ? 8 : 4, 1, 128);
    this.flaskCompat = read.flag('FLASK_COMPAT', !this.production);
    this.registrationClosed = isRegistrationClosed(read);
    this.docs = read.flag('DOCS', true);
    this.bookstore = readBookstoreSettings(read, this.accessTokenLifetime);
    this.logLevel = read.choice('LOG_LEVEL', LOG_LEVELS, 'info');
    this.requestLogLevel = read.choice('REQUEST_LOG_LEVEL', LOG_LEVELS, this.logLevel);
    this.limits = readLimits(read, this.production);
    this.shutdownDelay = readShutdownDelay(read, this.production);
    this.trustedProxies = read.addresses('TRUST_PROXY');
    this.corsOrigins = read.origins('CORS_ORIGINS');
    this.passwordHashCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
    this.warnings = read.finish();
  }

  /** Whether a login also sets its tokens as cookies, and routes take them from there. */
  get tokenCookies(): boolean {
    return this.web.tokenCookies;
  }

  /**
   * @param env names to values, as in `process.env`
   * @throws SettingsError with a message for each invalid setting
   */
  static from(
    env: Readonly<Record<string, string | undefined>>,
    overrides: Partial<Pick<AppConfig, 'passwordHashCost'>> = {},
  ): AppConfig {
    return Object.assign(new AppConfig(new SettingsReader(env)), overrides);
  }

  /**
   * Reads the environment and the `.env` file of the working directory. The environment comes
   * first.
   *
   * @param options.needsKey whether there has to be a key that can sign tokens
   * @throws SettingsError with a message for each invalid setting
   */
  static load(options: { needsKey?: boolean } = {}): AppConfig {
    const env = { ...readEnvFile('.env'), ...process.env };
    const read = new SettingsReader(env);
    checkEnvFile('.env', read);
    return new AppConfig(read, options);
  }
}

function readDatabase(read: SettingsReader, production: boolean): DatabaseSettings {
  const url = read.text('DATABASE_URL') ?? 'sqlite:data/app.sqlite';
  const create = read.flag('DATABASE_CREATE', !production);
  const prepare = read.flag('DATABASE_PREPARE', false);
  const settings = databaseSettingsOf(url, {
    create,
    prepare,
    replicaUrl: readReplicaUrl(read, url),
  });
  if (settings) return settings;
  // The message does not repeat the value, which may contain a password.
  read.problem(
    'DATABASE_URL is invalid: use sqlite:path/to/file or postgres://user:password@host:5432/name.',
  );
  return { engine: 'sqlite', file: '', create };
}

/** Returns the settings of the database with a URL; null if the URL is invalid. */
export function databaseSettingsOf(
  url: string,
  options: { create: boolean; prepare: boolean; replicaUrl?: string | null },
): DatabaseSettings | null {
  const { create, prepare, replicaUrl = null } = options;
  if (isPostgresUrl(url)) return { engine: 'postgres', url, prepare, replicaUrl };
  const file = /^sqlite:(?:\/\/)?(.+)$/.exec(url)?.[1];
  if (file === undefined || file === ':memory:' || file.endsWith('/')) return null;
  return { engine: 'sqlite', file: resolve(file), create };
}

function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?:\/\//.test(url) && URL.canParse(url);
}

function readReplicaUrl(read: SettingsReader, url: string): string | null {
  const replica = read.text('DATABASE_REPLICA_URL');
  if (replica === undefined) return null;
  // The messages do not repeat the value, which may contain a password.
  if (!isPostgresUrl(replica)) {
    read.problem(
      'DATABASE_REPLICA_URL is invalid: use postgres://user:password@host:5432/name, the address of a standby.',
    );
  } else if (!isPostgresUrl(url)) {
    read.problem(
      'DATABASE_REPLICA_URL needs PostgreSQL in DATABASE_URL: a SQLite file has no replica.',
    );
  } else if (replica === url) {
    read.problem('DATABASE_REPLICA_URL is the same as DATABASE_URL; leave it out.');
  }
  return replica;
}

function readLifetimes(read: SettingsReader) {
  const access = read.duration('JWT_ACCESS_TOKEN_EXPIRES', '15m', {
    bareUnit: 'm',
    also: [{ name: 'JWT_AUTHMAXAGE', bareUnit: 's' }],
  });
  const refresh = read.duration('JWT_REFRESH_TOKEN_EXPIRES', '30d', {
    bareUnit: 'm',
    also: [{ name: 'JWT_REFRESHMAXAGE', bareUnit: 's' }],
  });
  if (access > refresh) {
    read.problem(
      'JWT_ACCESS_TOKEN_EXPIRES is longer than JWT_REFRESH_TOKEN_EXPIRES; set it to the same or less.',
    );
  }
  return { access, refresh };
}

function readShutdownDelay(read: SettingsReader, production: boolean): number {
  return read.duration('SHUTDOWN_DELAY', production ? '5s' : '0s', { bareUnit: 's', min: 0 });
}

function isRegistrationClosed(read: SettingsReader): boolean {
  return read.choice('REGISTRATION', ['open', 'closed'], 'open') === 'closed';
}

/**
 * Anyone who can write to the file controls the database, the proxies and the key. In development
 * this is only a warning, because some systems use a umask of 002 with private groups.
 */
function checkEnvFile(name: string, read: SettingsReader): void {
  const file = join(process.cwd(), name);
  if (!isWritableByOthers(file)) return;
  const message = `Others may write to ${file}, and so change every setting; check its content, and run: chmod 600 ${file}`;
  if (read.raw('NODE_ENV') === 'production') read.problem(message);
  else read.warning(message);
}

function readEnvFile(name: string): Record<string, string> {
  try {
    return parse(readFileSync(join(process.cwd(), name)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
