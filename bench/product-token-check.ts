import { NestFactory } from '@nestjs/core';
import { applicationModule } from '../src/app.setup.js';
import { CredentialsService } from '../src/auth/credentials.service.js';
import { AuthService } from '../src/auth/auth.service.js';
import { AppConfig } from '../src/config/app-config.js';
import { TokenKeys } from '../src/keys/token-keys.js';
import { TokenStore } from '../src/tokens/token-store.js';
import { TokenService } from '../src/tokens/token.service.js';
import { TokenVerifier } from '../src/tokens/token-verifier.js';
import type { Token } from '../src/tokens/token.js';
import { UsersService } from '../src/users/users.service.js';
import { credentials } from './scenarios.js';

type CheckToken = (signed: string) => Promise<Token>;

/** The token check of the product, which runs in this process. */
interface ProductTokenCheck {
  /** An access token of an active session. */
  token: string;
  /** Performs the full check of an access token that precedes a handler. */
  check: CheckToken;
  /** Performs the same check without the query for revoked tokens and active sessions. */
  checkWithoutQuery: CheckToken;
  close: () => Promise<void>;
}

/**
 * Starts the application without its HTTP server.
 *
 * @param settings that configure the signing key
 */
export async function startProductTokenCheck(
  database: string,
  settings: Record<string, string>,
): Promise<ProductTokenCheck> {
  const config = AppConfig.from({
    DATABASE_URL: `sqlite:${database}`,
    DEMO_DATA: 'false',
    // Longer than any benchmark takes.
    JWT_ACCESS_TOKEN_EXPIRES: '1d',
    ...settings,
  });
  const app = await NestFactory.createApplicationContext(await applicationModule(config), {
    logger: false,
    abortOnError: false,
  });
  const find = <T>(provider: abstract new (...parameters: never[]) => T): T =>
    app.get<T>(provider, { strict: false });

  const tokens = find(TokenService);
  const withoutQuery = new TokenVerifier(find(TokenKeys), config, new EveryTokenActive());
  return {
    token: await logIn(find(UsersService), find(CredentialsService), find(AuthService)),
    check: (signed) => tokens.verify(signed, { type: 'access' }),
    checkWithoutQuery: (signed) => withoutQuery.verify(signed, { type: 'access' }),
    close: () => app.close(),
  };
}

class EveryTokenActive extends TokenStore {
  override isActive = async () => true;
  override isOutdated = async () => false;
  override revoke = async () => undefined;
}

async function logIn(
  users: UsersService,
  credentialsService: CredentialsService,
  auth: AuthService,
): Promise<string> {
  const { username: name, password } = credentials;
  const client = { agent: null, ip: '127.0.0.1' };
  await users.register({ name, password }, { client });
  const user = await credentialsService.verify(name, password, client);
  return (await auth.login(user, client)).access.signed;
}
