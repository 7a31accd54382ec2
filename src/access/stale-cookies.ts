import { stringifySetCookie } from 'cookie';
import type { FastifyRequest } from 'fastify';
import type { AppConfig } from '../config/app-config.js';
import { isDomain } from '../config/web-settings.js';
import { listNames, PLAIN_NAMES } from './cookie-names.js';

type CookieSettings = Pick<AppConfig, 'production' | 'web'>;

/** What browsers tell cookies apart by (RFC 6265bis, section 5.7). */
interface CookieKey {
  name: string;
  /** Null for a cookie of the host alone. */
  domain: string | null;
  path: string;
}

const NAMES = listNames(PLAIN_NAMES);
const PREFIXES = ['', '__Host-', '__Secure-'];

/** Earlier versions limited the refresh cookie to this path. */
const FORMER_REFRESH_PATH = '/auth';

/** A host of more labels is not served; it bounds the cookies of one response. */
const MAX_DOMAINS = 5;

/**
 * The `Set-Cookie` lines that expire cookies which other settings, or earlier versions, gave. Beside a
 * current cookie of the same name such a cookie would be a second one, and requests with a cookie
 * that occurs twice are refused.
 *
 * Production always expires cookies without a prefix, which it ignores. Every other cookie is only
 * expired if the request brings one of its name. The request does not tell the domain of a cookie, so
 * that all domains of the host are expired.
 *
 * @param currentNames the names in use, which with `COOKIE_DOMAIN` make the current cookies
 */
export function expireStaleCookies(
  { headers }: Pick<FastifyRequest, 'headers'>,
  { production, web }: CookieSettings,
  currentNames: readonly string[],
): string[] {
  const brought = namesIn(headers.cookie ?? '');
  const domains = domainsOf(web.publicUrl, headers.host ?? '');
  const isCurrent = ({ name, domain, path }: CookieKey) =>
    path === '/' && domain === web.cookieDomain && currentNames.includes(name);

  const stale: CookieKey[] = [];
  if (production || NAMES.some((name) => brought.has(name))) {
    stale.push({ name: PLAIN_NAMES.refresh.token, domain: null, path: FORMER_REFRESH_PATH });
    stale.push(...NAMES.map((name) => ({ name, domain: null, path: '/' })));
  }
  for (const prefix of PREFIXES) {
    for (const plain of NAMES) {
      const name = prefix + plain;
      if (!brought.has(name)) continue;
      // Browsers accept no `__Host-` cookie with a domain.
      for (const domain of [null, ...(prefix === '__Host-' ? [] : domains)]) {
        stale.push({ name, domain, path: '/' });
      }
    }
  }
  const lines = stale.filter((key) => !isCurrent(key)).map((key) => expire(key, production));
  return [...new Set(lines)];
}

function expire({ name, domain, path }: CookieKey, production: boolean): string {
  return stringifySetCookie({
    ...{ name, value: '', path, maxAge: 0, sameSite: 'strict' },
    // Browsers ignore a line that sets a prefixed cookie without `Secure`, in development too.
    secure: production || name.startsWith('__'),
    ...(domain !== null && { domain }),
  });
}

function namesIn(cookies: string): Set<string> {
  return new Set(cookies.split(';').map((pair) => pair.split('=', 1)[0]!.trim()));
}

/** The host that browsers know, and the domains above it that can have cookies. */
function domainsOf(publicUrl: string | null, host: string): string[] {
  const name = publicUrl === null ? host.replace(/:\d*$/, '') : new URL(publicUrl).hostname;
  const labels = name.toLowerCase().split('.');
  return labels
    .map((_, index) => labels.slice(index).join('.'))
    .filter(isDomain)
    .slice(-MAX_DOMAINS);
}
