import { describe, expect, it } from '@jest/globals';
import { expireStaleCookies } from '../../src/access/stale-cookies.js';

const PLAIN = [
  ...['access_token_cookie', 'csrf_access_token', 'refresh_token_cookie', 'csrf_refresh_token'],
];
const withPrefix = (prefix: string) => PLAIN.map((name) => prefix + name);

interface Situation {
  production?: boolean;
  cookieDomain?: string | null;
  publicUrl?: string | null;
  host?: string;
  cookie?: string;
}

/** The expired cookies, each as its name, its domain and, if that is not the root, its path. */
function expired(situation: Situation): string[] {
  return linesOf(situation).map((line) => {
    const [pair = '', ...attributes] = line.split('; ');
    const value = (name: string) =>
      attributes.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
    expect(attributes).toEqual(expect.arrayContaining(['Max-Age=0', 'SameSite=Strict']));
    expect(pair).toMatch(/=$/);
    const path = value('Path');
    return [pair.slice(0, -1), value('Domain'), path === '/' ? undefined : path]
      .filter((part) => part !== undefined)
      .join(' ');
  });
}

function linesOf({
  production = false,
  cookieDomain = null,
  publicUrl = null,
  host,
  cookie,
}: Situation): string[] {
  const headers = { ...(host && { host }), ...(cookie && { cookie }) };
  const cookies = { cookieDomain, tokenCookies: true, cookiesOnly: false };
  const web = { publicUrl, ...cookies, requireIfMatch: false, idempotencyRetention: 0 };
  const secured = cookieDomain === null ? '__Host-' : '__Secure-';
  const names = withPrefix(production ? secured : '');
  return expireStaleCookies({ headers }, { production, web }, names);
}

const FORMER = 'refresh_token_cookie /auth';

describe('expireStaleCookies', () => {
  it('expires cookies without a prefix in production, whatever the request sends', () => {
    expect(expired({ production: true })).toEqual([FORMER, ...PLAIN]);
    expect(expired({ production: true, host: 'api.example.com' })).toEqual([FORMER, ...PLAIN]);
    for (const line of linesOf({ production: true })) expect(line).toContain('; Secure');
  });

  it('expires no cookies in development if the request sends none', () => {
    expect(expired({ host: 'api.example.com' })).toEqual([]);
    expect(
      expired({ host: 'api.example.com', cookie: 'theme=dark; xaccess_token_cookie=1' }),
    ).toEqual([]);
  });

  it('expires cookies in every domain of the host after COOKIE_DOMAIN was removed', () => {
    const host = 'API.eu.example.com:3000';
    expect(expired({ host, cookie: 'theme=dark; csrf_access_token=a' })).toEqual([
      FORMER,
      'csrf_access_token api.eu.example.com',
      'csrf_access_token eu.example.com',
      'csrf_access_token example.com',
    ]);
    const production = { production: true, host: 'api.example.com' };
    expect(expired({ ...production, cookie: '__Secure-access_token_cookie=a' })).toEqual([
      ...[FORMER, ...PLAIN],
      '__Secure-access_token_cookie',
      '__Secure-access_token_cookie api.example.com',
      '__Secure-access_token_cookie example.com',
    ]);
  });

  it('expires host-only cookies after COOKIE_DOMAIN was set', () => {
    const development = { host: 'api.example.com', cookieDomain: 'example.com' };
    expect(expired({ ...development, cookie: 'access_token_cookie=a' })).toEqual([
      ...[FORMER, ...PLAIN],
      'access_token_cookie api.example.com',
    ]);
    const production = { ...development, production: true };
    expect(expired({ ...production, cookie: '__Host-refresh_token_cookie=a' })).toEqual([
      ...[FORMER, ...PLAIN],
      '__Host-refresh_token_cookie',
    ]);
  });

  it('expires cookies of domains other than COOKIE_DOMAIN, and never the current ones', () => {
    const situation = { production: true, host: 'a.b.example.com', cookieDomain: 'b.example.com' };
    expect(expired({ ...situation, cookie: '__Secure-csrf_refresh_token=a' })).toEqual([
      ...[FORMER, ...PLAIN],
      '__Secure-csrf_refresh_token',
      '__Secure-csrf_refresh_token a.b.example.com',
      '__Secure-csrf_refresh_token example.com',
    ]);
    const current = { production: true, host: 'api.example.com' };
    expect(expired({ ...current, cookie: '__Host-access_token_cookie=a' })).toEqual([
      ...[FORMER, ...PLAIN],
    ]);
  });

  it('sets Secure on cookies whose name has a prefix, also in development', () => {
    const lines = linesOf({ cookie: '__Host-access_token_cookie=a; csrf_access_token=b' });
    expect(lines.filter((line) => line.includes('Secure'))).toEqual([
      expect.stringMatching(/^__Host-access_token_cookie=;.*Secure/),
    ]);
  });

  it('expires cookies for the host of PUBLIC_URL instead of the host of the request', () => {
    const cookie = 'access_token_cookie=a';
    const publicUrl = 'https://api.example.com/base';
    expect(expired({ host: 'internal.cluster.local:8080', publicUrl, cookie })).toEqual([
      ...[FORMER, 'access_token_cookie api.example.com', 'access_token_cookie example.com'],
    ]);
  });

  it.each(['localhost:3000', '127.0.0.1', '[::1]:3000', 'a..b', '_x.y_z', 'example.com.', ''])(
    'expires only host-only cookies if the host is %j',
    (host) => {
      expect(expired({ host, cookie: 'access_token_cookie=a' })).toEqual([FORMER]);
    },
  );

  it('expires cookies in domains above an invalid label, and in no domain that contains it', () => {
    const host = 'api:80.example.com';
    expect(expired({ host, cookie: 'access_token_cookie=a' })).toEqual([
      ...[FORMER, 'access_token_cookie example.com'],
    ]);
  });

  it('expires cookies in the five widest domains at most', () => {
    const cookie = 'access_token_cookie=a';
    const found = expired({ host: `${'x.'.repeat(50)}a.b.c.example.com`, cookie });
    expect(found).toEqual([
      FORMER,
      ...['a.b.c.example.com', 'b.c.example.com', 'c.example.com', 'example.com']
        .toSpliced(0, 0, 'x.a.b.c.example.com')
        .map((domain) => `access_token_cookie ${domain}`),
    ]);
  });
});
