import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'dotenv';
import { anyOf, SettingsReader, splitList } from './settings-reader.js';

export const HMAC_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const;
export type JwtAlgorithm = (typeof HMAC_ALGORITHMS)[number];

export type DatabaseSettings =
  | { readonly engine: 'sqlite'; readonly file: string }
  | { readonly engine: 'postgres'; readonly url: string };

/** The secret itself, or the file in which one is kept and, where it is missing, made. */
export type SecretSource = { readonly value: string } | { readonly file: string };

/** Cost of argon2id: memory in KiB, passes, lanes (RFC 9106, section 3.1). */
export interface PasswordHashCost {
  readonly memoryCost: number;
  readonly timeCost: number;
  readonly parallelism: number;
}

/**
 * Every setting, read and checked once, at start. All spans of time are in seconds. Nothing
 * else in the application reads the environment.
 */
export class AppConfig {
  readonly production: boolean;
  readonly host: string;
  readonly port: number;
  readonly database: DatabaseSettings;
  readonly jwtSecret: SecretSource;
  readonly jwtAlgorithm: JwtAlgorithm;
  /** What verification accepts; holds `jwtAlgorithm`. */
  readonly jwtAlgorithms: readonly JwtAlgorithm[];
  readonly jwtIssuer: string | null;
  readonly jwtAudience: string | null;
  readonly accessTokenLifetime: number;
  readonly refreshTokenLifetime: number;
  readonly sessionMaxAge: number;
  readonly demoData: boolean;
  readonly passwordMinLength: number;
  readonly docs: boolean;
  /** Logins and registrations an address may try a minute; 0 is no limit. */
  readonly authRateLimit: number;
  /** Addresses and ranges whose forwarded headers count; empty is none. */
  readonly trustedProxies: readonly string[];
  /** Not a setting: OWASP's first recommendation for argon2id; a test may take less. */
  readonly passwordHashCost: PasswordHashCost;
  /** What a person should know although it does not stop the start. */
  readonly warnings: readonly string[];

  private constructor(read: SettingsReader) {
    const environment = read.choice(
      'NODE_ENV',
      ['development', 'production', 'test'],
      'development',
    );
    this.production = environment === 'production';
    this.host = read.text('HOST') ?? (this.production ? '0.0.0.0' : '127.0.0.1');
    this.port = read.integer('PORT', 3000, 0, 65_535);
    this.database = readDatabase(read);
    this.jwtAlgorithm = read.choice('JWT_ALGORITHM', HMAC_ALGORITHMS, 'HS256', 'JWT_AUTHTYPE');
    this.jwtAlgorithms = readAcceptedAlgorithms(read, this.jwtAlgorithm);
    const warnings: string[] = [];
    this.warnings = warnings;
    this.jwtSecret = readSecret(read, this, warnings);
    this.jwtIssuer = read.text('JWT_ISSUER') ?? null;
    this.jwtAudience = read.text('JWT_AUDIENCE') ?? null;
    const lifetimes = readLifetimes(read);
    this.accessTokenLifetime = lifetimes.access;
    this.refreshTokenLifetime = lifetimes.refresh;
    this.sessionMaxAge = read.duration('SESSION_MAX_AGE', '90d');
    refuseWhatIsToCome(read);
    this.demoData = read.flag('DEMO_DATA', !this.production);
    if (this.production && this.demoData) {
      read.problem(
        'DEMO_DATA: true is refused in production, as its passwords are public; leave it out, or set NODE_ENV=development.',
      );
    }
    this.passwordMinLength = read.integer('PASSWORD_MIN_LENGTH', this.production ? 8 : 4, 1, 128);
    this.docs = read.flag('DOCS', true);
    this.authRateLimit = read.integer('AUTH_RATE_LIMIT', 20, 0, 1_000_000);
    this.trustedProxies = read.addresses('TRUST_PROXY');
    this.passwordHashCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
    read.finish();
  }

  /**
   * @param env names to values, as in `process.env`
   * @throws SettingsError with a sentence for each setting that will not do
   */
  static from(
    env: Readonly<Record<string, string | undefined>>,
    overrides: Partial<Pick<AppConfig, 'passwordHashCost'>> = {},
  ): AppConfig {
    return Object.assign(new AppConfig(new SettingsReader(env)), overrides);
  }

  /** The environment first, then the `.env` file of the folder the process was started in. */
  static load(): AppConfig {
    return AppConfig.from({ ...readEnvFile('.env'), ...process.env });
  }
}

function readDatabase(read: SettingsReader): DatabaseSettings {
  const url = read.text('DATABASE_URL') ?? 'sqlite:data/app.sqlite';
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return { engine: 'postgres', url };
  const file = /^sqlite:(?:\/\/)?(.+)$/.exec(url)?.[1];
  if (file !== undefined && file !== ':memory:' && !file.endsWith('/')) {
    return { engine: 'sqlite', file: resolve(file) };
  }
  // The value is not repeated: it may hold a password.
  read.problem(
    'DATABASE_URL names no database file or server; use sqlite:path/to/file or postgres://user:password@host:5432/name.',
  );
  return { engine: 'sqlite', file: '' };
}

function readSecret(
  read: SettingsReader,
  config: Pick<AppConfig, 'production' | 'jwtAlgorithm' | 'database'>,
  warnings: string[],
): SecretSource {
  const value = read.text('JWT_SECRET_KEY', 'JWT_SECRET');
  // RFC 7518, section 3.2: a key of the size of the hash or larger must be used.
  const wanted = Number(config.jwtAlgorithm.slice(2)) / 8;
  const remedy = `set it to at least ${wanted} random bytes, for example from: openssl rand -base64 ${wanted * 1.5}`;
  if (value === undefined) {
    if (config.production) read.problem(`JWT_SECRET_KEY is missing in production; ${remedy}.`);
    const folder = config.database.engine === 'sqlite' ? dirname(config.database.file) : 'data';
    return { file: resolve(folder, 'jwt-secret') };
  }
  const length = Buffer.byteLength(value);
  if (length < wanted) {
    const sentence = `JWT_SECRET_KEY has ${length} bytes, too few for ${config.jwtAlgorithm}; ${remedy}.`;
    if (config.production) read.problem(sentence);
    else warnings.push(sentence);
  }
  return { value };
}

function readLifetimes(read: SettingsReader): { access: number; refresh: number } {
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
      'JWT_ACCESS_TOKEN_EXPIRES is longer than JWT_REFRESH_TOKEN_EXPIRES; set it to as much or less.',
    );
  }
  return { access, refresh };
}

function readAcceptedAlgorithms(read: SettingsReader, signing: JwtAlgorithm): JwtAlgorithm[] {
  const value = read.raw('JWT_ALGORITHMS');
  if (value === undefined) return [signing];
  const accepted: JwtAlgorithm[] = [];
  for (const name of splitList(value)) {
    const known = HMAC_ALGORITHMS.find((algorithm) => algorithm === name);
    if (known) accepted.push(known);
    else read.problem(`JWT_ALGORITHMS: "${name}" is not known; use ${anyOf(HMAC_ALGORITHMS)}.`);
  }
  if (!accepted.includes(signing)) {
    read.problem(`JWT_ALGORITHMS leaves out ${signing}, which signs; add it.`);
  }
  return accepted;
}

/**
 * Whoever asks for rotation or key pairs must not believe to have them: they come with features
 * of their own, and until then a refresh spends nothing and a secret signs.
 */
function refuseWhatIsToCome(read: SettingsReader): void {
  if (read.flag('REFRESH_ROTATION', false)) {
    read.problem('REFRESH_ROTATION: true is not supported yet; leave it out or set it to false.');
  }
  for (const name of ['REFRESH_GRACE', 'JWT_PRIVATE_KEY', 'JWT_PUBLIC_KEY', 'JWT_PUBLICKEY']) {
    if (read.raw(name) !== undefined) read.problem(`${name} is not supported yet; leave it out.`);
  }
}

function readEnvFile(name: string): Record<string, string> {
  try {
    return parse(readFileSync(join(process.cwd(), name)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
