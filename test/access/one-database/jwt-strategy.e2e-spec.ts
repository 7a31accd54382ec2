import { Controller, Get, Module, Req, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Public } from '../../../src/access/require-token.decorator.js';
import { TokenService } from '../../../src/tokens/token.service.js';
import type { Token } from '../../../src/tokens/token.js';
import { freezeTime } from '../../support/time.js';
import { settingsFor } from '../../support/key-material.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

@Controller('profile')
class ProfileController {
  /** Uses the guard as the Nest documentation shows it. */
  @UseGuards(AuthGuard('jwt'))
  @Public()
  @Get()
  get(@Req() { user }: { user: Token }) {
    return { subject: user.subject };
  }
}

@Module({ controllers: [ProfileController] })
class ProfileModule {}

describe.each(['HS256', 'ES256', 'RS256'] as const)("AuthGuard('jwt') with %s", (algorithm) => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp(settingsFor(algorithm), { imports: [ProfileModule] });
  });
  afterAll(() => app.close());

  const visit = async (authorization?: string) => {
    const headers = authorization === undefined ? {} : { authorization };
    const { status, body } = await app.get('/profile', { headers });
    return [status, body.subject ?? body.code];
  };

  it('accepts an access token, and sets it as the user of the request', async () => {
    const user = await app.newLogin();
    expect(await visit(`Bearer ${user.access}`)).toEqual([200, String(user.id)]);
  });

  it('refuses a token with the same codes as TokenGuard', async () => {
    const user = await app.newLogin();
    expect(await visit()).toEqual([401, 'token_missing']);
    expect(await visit('Bearer x')).toEqual([401, 'token_invalid']);
    expect(await visit(`Bearer ${user.access} junk`)).toEqual([401, 'token_invalid']);
    expect(await visit(`Bearer ${user.access}x`)).toEqual([401, 'token_invalid']);
    expect(await visit(`Bearer ${user.refresh}`)).toEqual([422, 'wrong_token_type']);
    await app.send('DELETE', '/auth/logout', { token: user.access });
    expect(await visit(`Bearer ${user.access}`)).toEqual([401, 'token_revoked']);
    const { headers } = await app.get('/profile');
    expect(headers.get('www-authenticate')).toBe('Bearer realm="api"');
  });

  it('refuses an expired token', async () => {
    const { signed, expiresAt } = await app.app.get(TokenService).createAccessToken('leia');
    freezeTime(expiresAt);
    expect(await visit(`Bearer ${signed}`)).toEqual([401, 'token_expired']);
    jest.useRealTimers();
  });

  it('refuses a token whose subject was changed', async () => {
    const { signed } = await app.app.get(TokenService).createAccessToken('leia');
    const [header, payload, signature] = signed.split('.');
    const claims = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: '1' })).toString('base64url');
    expect(await visit(`Bearer ${signed}`)).toEqual([200, 'leia']);
    expect(await visit(`Bearer ${header}.${forged}.${signature}`)).toEqual([401, 'token_invalid']);
  });
});
