import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { Controller, Delete, Get, Module } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ResourceId } from '../src/common/resource-id.js';
import { CurrentToken, Public, RequireToken } from '../src/tokens/require-token.decorator.js';
import { param } from '../src/tokens/requirement.js';
import { Token } from '../src/tokens/token.js';
import { TokenService } from '../src/tokens/token.service.js';
import { bootApp, type TestApp } from './support/test-app.js';

const readme = readFileSync('README.md', 'utf8');
const block = (heading: string, language: string): string => {
  const chapter = readme.slice(readme.indexOf(`\n## ${heading}\n`));
  return new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(chapter)![1]!;
};

// The README shows what stands between these two lines.
// prettier-ignore
@Controller('dashboard')
export class DashboardController {
  /** Says nothing, so it takes any access token. */
  @Get()
  show(@CurrentToken() token: Token) {
    return { hello: token.subject };
  }

  /** Open to everybody. */
  @Get('health')
  @Public()
  health() {
    return { up: true };
  }

  /** Only with what `scope` must hold. */
  @Get('admin')
  @RequireToken({ scope: { admin: true } })
  admin() {
    return {};
  }

  /** Only for the user of the path, with a token that comes from a login; or for administrators. */
  @Delete('users/:id')
  @RequireToken({
    fresh: true,
    claims: { sub: param('id') },
    override: { scope: { admin: true } },
  })
  remove(@ResourceId() id: number) {
    return { id };
  }
}
// The end of what the README shows.

@Module({ controllers: [DashboardController] })
class DashboardModule {}

describe('The README', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp({}, { imports: [DashboardModule] });
  });
  afterAll(() => app.close());

  it('has a tour that works when it is pasted', async () => {
    const tour = block('A tour', 'sh').replace('http://localhost:3000', app.url);
    const { stdout } = await promisify(execFile)('bash', ['-euc', tour]);
    expect(stdout).toContain('"model":"T-65 X-Wing"');
    expect(stdout).toMatch(/link: <.+limit=5&cursor=.+>; rel="next"/i);
    expect(stdout).toContain('"name":"user"');
    expect(stdout).toMatch(/HTTP\/1\.1 201[^]+location: .+\/api\/ships\/16/i);
    expect(stdout).toContain('"crew":["Not a valid integer."]');
    expect(stdout.match(/Successfully logged out\./g)).toHaveLength(2);
    expect(stdout).toMatch(/HTTP\/1\.1 401[^]+"token_revoked"/);
  });

  it('shows a controller that is the one tested here', () => {
    const source = readFileSync('test/readme.e2e-spec.ts', 'utf8');
    expect(source).toContain(block('Protect a route of your own', 'ts'));
  });

  it('says who may use that controller’s routes', async () => {
    const tokens = app.app.get(TokenService);
    const token = async (...options: Parameters<TokenService['createAccessToken']>) => ({
      token: tokens.createAccessToken(...options).signed,
    });
    expect((await app.get('/dashboard')).status).toBe(401);
    expect((await app.get('/dashboard', token('leia'))).body).toEqual({ hello: 'leia' });
    expect((await app.get('/dashboard/health')).status).toBe(200);
    expect((await app.get('/dashboard/admin', token('leia'))).status).toBe(403);
    const admin = { scope: { admin: true }, fresh: true };
    expect((await app.get('/dashboard/admin', token('leia', admin))).status).toBe(200);
    const remove = (...options: Parameters<TokenService['createAccessToken']>) =>
      app.send('DELETE', '/dashboard/users/7', token(...options));
    expect((await remove('7')).body.code).toBe('fresh_token_required');
    expect((await remove('8', { fresh: true })).body.code).toBe('claim_required');
    expect((await remove('7', { fresh: true })).body).toEqual({ id: 7 });
    expect((await remove('8', admin)).status).toBe(200);
  });

  it('explains every setting', () => {
    const example = readFileSync('.env.example', 'utf8').matchAll(/\b([A-Z_]{4,})=/g);
    const source = readFileSync('src/config/app-config.ts', 'utf8').matchAll(/'([A-Z]+_[A-Z_]+)'/g);
    const names = new Set([...example, ...source].map(([, name]) => name));
    expect(names.size).toBeGreaterThan(18);
    for (const name of names) expect(readme).toContain(`\`${name}\``);
  });

  it('lists every code of an error', async () => {
    const { text } = await app.get('/docs/openapi.json');
    const codes = new Set([...text.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code));
    expect(codes.size).toBeGreaterThan(15);
    for (const code of codes) expect(readme).toContain(`\`${code}\``);
  });
});
